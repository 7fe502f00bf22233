"""``python -m deploy.local --port N``: the local cloud, on 127.0.0.1, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import gc
import os
import signal
import types
from pathlib import Path

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
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to keep everything, so that the next one goes on from there; in memory alone unless given.",
)
def main(
    port: int, url: str | None, restore_seconds: float, expedited_at_once: int | None, folder: Path | None
) -> None:
    """Run AWS on this machine: S3 with Glacier, DynamoDB, SQS, SNS, SES, Step Functions, Lambda and CloudFormation."""
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"  # the buckets' own rules shall decide; moto reads it at import
    os.environ["MOTO_PORT"] = str(port)
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    from deploy.local import cloud
    from deploy.local.folder import Folder
    from deploy.local.s3.glacier import Pace
    from shared.core import logs
    from shared.core.errors import GasError

    logs.configure("INFO")
    try:
        kept = Folder(folder, port) if folder is not None else None
        made = cloud.create(port, Pace(restore_seconds, expedited_at_once), kept, url)
    except OSError as error:
        raise SystemExit(
            f"gas: the local cloud cannot listen on port {port}: {os.strerror(error.errno or 0)}"
        ) from None
    except GasError as error:
        raise SystemExit(f"gas: {error}") from None
    gc.collect()
    gc.freeze()  # what is loaded stays; collections need not look at it again
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    if made.snapshots is not None:
        made.snapshots.start()
    try:
        made.server.serve_forever()
    except _Stop:
        if made.snapshots is not None:
            made.snapshots.finish()
        os._exit(0)  # whatever the threads are at


class _Stop(BaseException):
    """SIGTERM or Ctrl-C."""


def _stop(number: int, frame: types.FrameType | None) -> None:  # noqa: ARG001 - the signature of a signal handler
    for again in (signal.SIGINT, signal.SIGTERM):
        signal.signal(again, signal.SIG_IGN)  # the last snapshot is to be whole
    raise _Stop


if __name__ == "__main__":
    main()
