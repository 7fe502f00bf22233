"""From an untrusted VCF to an annotated one.

`job.run` is the only entrance for servers: it starts a child process (`child`), which does the work in stages::

    source ─▶ header, record ─▶ normalise, split ─▶ spool ─▶ csq ─▶ consequences, clinvar ─▶ write ─▶ summarise
    bounded    well-formed?     against the          sorted   one      gene model, SO terms    VCF, TSV   counts
    reading    skip or refuse   reference            records  process

`work` is that order. Nothing here knows Flask, AWS, or jobs.
"""
