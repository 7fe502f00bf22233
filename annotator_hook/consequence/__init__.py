"""The consequence engine: what a variant does to the transcripts around it, in the words of Ensembl VEP.

Pure: sequence and gene models in, columns out; no server, no cloud, no bcftools. ``store`` prepares a genome once,
``engine`` annotates chunks of alleles, ``output`` turns the answer into INFO/CSQ and tables. docs/annotation.md tells
what every column means and where GAS and VEP differ.
"""
