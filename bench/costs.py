"""``python -m bench.costs``: what a deployment costs in a month, and the table of docs/deploy.md.

Prices are AWS's published ones for us-east-1, on demand, without free tiers and taxes. How many servers, alarms and rules
there are is read from the templates; what a job is like is said below.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

PRICED_AT: Final = "2026-11-28"
HOURS, DAYS = 730.0, 30.4
"""Of a month."""
INSTANCE_HOUR: Final = {"t3.small": 0.0208, "t3.medium": 0.0416, "m7i.large": 0.1008}
VOLUME_GIB = 0.08  # gp3, a month
ADDRESS_HOUR = 0.005  # public IPv4
BALANCER_HOUR, LCU_HOUR = 0.0225, 0.008
LCU_CONNECTIONS, LCU_GB = 25, 1  # new connections a second, GB an hour
WEB_ACL, WEB_ACL_RULE, WEB_ACL_MILLION = 5.0, 1.0, 0.60
MILLION_WRITES, MILLION_READS = 0.625, 0.125  # DynamoDB's request units
TABLE_GB, RECOVERY_GB = 0.25, 0.20  # a month
STANDARD_GB, GLACIER_GB = 0.023, 0.0036  # S3, a month
THOUSAND_PUTS, THOUSAND_GLACIER_PUTS = 0.005, 0.03
OUT_GB = 0.09  # to the internet
MILLION_PUBLISHED, MILLION_PUSHED = 0.50, 0.60  # SNS, over HTTPS
THOUSAND_MAILS = 0.10
THOUSAND_TRANSITIONS = 0.025  # Step Functions
ALARM, METRIC, THOUSAND_METRIC_PUTS = 0.10, 0.30, 0.01  # an alarm: for each metric that it looks at
LOG_GB, LOG_GB_KEPT = 0.50, 0.03  # CloudWatch Logs: taken in; kept, a month
SECRET = 0.40

UPLOAD_GB, RESULTS_GB, TAKEN_HOME_GB = 0.005, 0.015, 0.005
"""An exome's VCF, compressed; one in three results is downloaded whole."""
FILES = 9
SLOT_SECONDS = 15.0
"""A job's, with one of an annotator's two slots: ten times what such a file takes in docs/benchmarks.md."""
SLOTS, BUSY, PEAK = 2, 0.75, 1.5
"""Slots of an annotator, the part that is busy by the scaling policy, and how many more are there than the average needs,
since a day has peaks."""
REQUESTS, REQUEST_GB = 40, 30e-6
"""Pages, their parts and polls for a job."""
WRITES, READS, ITEMS_GB = 200, 150, 30e-6
"""DynamoDB's request units for a job: its transitions, four messages through the inbox, each with its indexes."""
PUBLISHED, MAILS, TRANSITIONS = 6, 1.5, 5
LOG_LINES, LOG_LINE, LOG_LINE_EXTRA = 57, 300, 26
"""Of a job, and bytes: measured on one of tests/functional/test_main_job.py, whose 11 requests to pages took 290 bytes each and
its two messages 1,085 each in three lines (taken, handled, and what was sent then). A job here has `REQUESTS`, four messages
and some lines of its owner's. CloudWatch counts 26 bytes more for each line. Servers say nothing while nothing happens."""
KEPT_DAYS, ARCHIVED_DAYS = 7, 358
"""Of files of the free plan, at the end of the first year."""
SWEEP_SECONDS, ANNOTATOR_SWEEP, UTIL_SWEEP = 3.0, 2.0, 7.0
"""How often a hook server looks for what nobody handles, and the read units that takes, on one route and on six."""

CASES: Final = {"idle": 0, "100 jobs a day": 100, "10,000 jobs a day": 10_000}
ROOT: Final = Path(__file__).parent.parent
DOCUMENT: Final = ROOT / "docs" / "deploy.md"
_TABLE = re.compile(r"(?<=<!-- costs -->\n).*?(?=<!-- /costs -->)", re.DOTALL)


class _Loader(yaml.SafeLoader):
    """Numbers and types are all that is wanted of a template."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)  # noqa: ARG005 - PyYAML's signature


def _template(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((ROOT / "deploy" / "stack" / f"{name}.yaml").read_text(), _Loader)  # noqa: S506 - a safe one
    return found


def alarm_metrics(*templates: dict[str, Any]) -> int:
    """How many metrics alarms look at, which is what they cost by. A query counts as one: the metrics that it finds are
    there only while DynamoDB throttles. Target tracking makes two alarms of its own over what it tracks."""
    found = 0
    for resource in (one for template in templates for one in template["Resources"].values()):
        about = resource.get("Properties", {})
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            found += max(1, sum("MetricStat" in metric for metric in about.get("Metrics", [])))
        elif "TargetTrackingConfiguration" in about:
            tracked = about["TargetTrackingConfiguration"].get("CustomizedMetricSpecification", {}).get("Metrics", [])
            found += 2 * max(1, sum("MetricStat" in metric for metric in tracked))
    return found


def costs(jobs_a_day: float) -> dict[str, float]:
    """US dollars a month, by what they are for."""
    servers, alarms = _template("servers"), _template("alarms")
    log_gb = LOG_LINES * (LOG_LINE + LOG_LINE_EXTRA) / 1e9
    log_months = _template("network")["Parameters"]["LogDays"]["Default"] / DAYS
    chosen = {name: about.get("Default") for name, about in servers["Parameters"].items()}
    rules = len(servers["Resources"]["WebAcl"]["Properties"]["Rules"])
    jobs = jobs_a_day * DAYS
    annotators = max(chosen["AnnotatorMin"], jobs_a_day * SLOT_SECONDS / 86_400 / (SLOTS * BUSY) * PEAK)
    count = {"Frontend": chosen["FrontendMin"], "Annotator": annotators, "Util": chosen["UtilMin"]}
    disk = {"Frontend": 30, "Annotator": chosen["AnnotatorDiskGiB"], "Util": 30}
    per_second = jobs_a_day * REQUESTS / 86_400
    per_hour = jobs_a_day * REQUESTS * REQUEST_GB / 24
    sweeps = HOURS * 3600 / SWEEP_SECONDS * (annotators * ANNOTATOR_SWEEP + count["Util"] * UTIL_SWEEP)
    return {
        "servers (EC2)": sum(count[kind] * INSTANCE_HOUR[chosen[f"{kind}Type"]] for kind in count) * HOURS,
        "their disks (EBS)": sum(count[kind] * disk[kind] for kind in count) * VOLUME_GIB,
        "public addresses (IPv4)": (sum(count.values()) + 2) * ADDRESS_HOUR * HOURS,  # two are the load balancer's
        "load balancer": (BALANCER_HOUR + LCU_HOUR * max(per_second / LCU_CONNECTIONS, per_hour / LCU_GB)) * HOURS,
        "firewall (WAF)": WEB_ACL + rules * WEB_ACL_RULE + jobs * REQUESTS / 1e6 * WEB_ACL_MILLION,
        "tables (DynamoDB)": jobs * WRITES / 1e6 * MILLION_WRITES
        + (jobs * READS + sweeps) / 1e6 * MILLION_READS
        + jobs_a_day * 365 * ITEMS_GB * (TABLE_GB + RECOVERY_GB),
        "files (S3, Glacier)": jobs_a_day
        * (UPLOAD_GB + RESULTS_GB)
        * (KEPT_DAYS * STANDARD_GB + ARCHIVED_DAYS * GLACIER_GB)
        + jobs * FILES / 1000 * (THOUSAND_PUTS + THOUSAND_GLACIER_PUTS),
        "data to the internet": jobs * (TAKEN_HOME_GB + REQUESTS * REQUEST_GB) * OUT_GB,
        "messages and e-mail (SNS, SES)": jobs * PUBLISHED / 1e6 * (MILLION_PUBLISHED + MILLION_PUSHED)
        + jobs * MAILS / 1000 * THOUSAND_MAILS,
        "waits for the archive (Step Functions)": jobs * TRANSITIONS / 1000 * THOUSAND_TRANSITIONS,
        "logs (CloudWatch)": jobs * log_gb * (LOG_GB + log_months * LOG_GB_KEPT),
        "alarms, metrics, secret": alarm_metrics(servers, alarms) * ALARM
        + 3 * METRIC
        + annotators * HOURS * 60 / 1000 * THOUSAND_METRIC_PUTS
        + SECRET,
    }


def table() -> str:
    """In Markdown."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    found = {case: costs(jobs) for case, jobs in CASES.items()}
    yield f"| US dollars a month, prices of {PRICED_AT} | {' | '.join(found)} |"
    yield f"|---|{'---:|' * len(found)}"
    for what in next(iter(found.values())):
        yield f"| {what} | {' | '.join(f'{each[what]:,.2f}' for each in found.values())} |"
    yield f"| **all** | {' | '.join(f'**{sum(each.values()):,.0f}**' for each in found.values())} |"
    per_job = [f"{sum(found[case].values()) / jobs / DAYS:,.4f}" if jobs else "–" for case, jobs in CASES.items()]
    yield f"| each job | {' | '.join(per_job)} |"


def main() -> None:
    """Prints the table, and puts it into the document."""
    sys.stdout.write(table())
    DOCUMENT.write_text(_TABLE.sub(lambda _: table(), DOCUMENT.read_text()))


if __name__ == "__main__":
    main()
