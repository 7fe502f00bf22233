"""From an untrusted VCF to an annotated one.

`job.run` is the only entrance for servers: it starts a child process (`child`), which does the work in stages; `work`
is their order::

    checking      source ─▶ block ─────────────────────────────────────▶ spool
                  blocks     record_columns: plain records, all at once  pieces sorted by position,
                  of lines   record, normalise, split: odd ones          a file a block
    normalising   parts ─▶ csq
                  regions   `bcftools csq` on the alleles near genes
    annotating    annotate: the engine (`annotator_hook.consequence`), together (haplotypes), known_sites,
                  then vcf_text, tsv_text, tables, counts: a piece of each file for each part
    writing       results: pieces put together; bgzf, tabix; summarise

Blocks and parts are worked on side by side (`workers`). What is in memory is a block or a chunk of a part for each
worker, never a file. Columns are numpy and Arrow arrays; no loop of Python runs over plain records.

Nothing here knows Flask, AWS, or jobs.
"""
