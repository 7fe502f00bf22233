"""``python -m deploy.local --port N``: the local cloud, on 127.0.0.1, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import gc
import os
import signal
import types

import click


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="Port to listen on.")
@click.option("--url", help="Where this cloud is reached, if not directly: certificates are said to lie there.")
@click.option(
    "--restore-seconds",
    type=click.FloatRange(min=0),
    default=3.0,
    show_default=True,
    help="How long an Expedited restoration from Glacier takes; a Standard one takes four times as long.",
)
@click.option(
    "--expedited-at-once",
    type=click.IntRange(min=0),
    help="How many Expedited restorations there is capacity for; unlimited unless given.",
)
def main(port: int, url: str | None, restore_seconds: float, expedited_at_once: int | None) -> None:
    """Run AWS on this machine: S3 with Glacier, DynamoDB, SQS, SNS, SES, Step Functions, Lambda and CloudFormation, in
    memory."""
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"  # the buckets' own rules shall decide; moto reads it at import
    os.environ["MOTO_PORT"] = str(port)
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    from deploy.local.cloud import create_server
    from deploy.local.s3.glacier import Pace
    from shared.core import logs

    logs.configure("INFO")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        server = create_server(port, Pace(restore_seconds, expedited_at_once), url)
    except OSError as error:
        raise SystemExit(
            f"gas: the local cloud cannot listen on port {port}: {os.strerror(error.errno or 0)}"
        ) from None
    gc.freeze()  # what is loaded stays; collections need not look at it again
    server.serve_forever()


def _stop(number: int, frame: types.FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
    """At once: there is no state worth saving, whatever the threads are at."""
    os._exit(0)


if __name__ == "__main__":
    main()
