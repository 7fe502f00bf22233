"""What the ARN of a topic says: where its signing certificates lie and in whose name they are issued.

Sources: the partitions and endpoints of botocore; "Verifying the signatures of Amazon SNS messages" in the Amazon SNS
Developer Guide; the names that certificates in the different regions carry (see `_certificate_name`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

match_arn = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):sns:(?P<region>[a-z]{2,4}(?:-[a-z]+)+-[0-9]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?"
).fullmatch
"""The syntax of a topic's ARN. FIFO topics cannot push; their dead letters can be verified all the same."""

_DOMAINS = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-us-gov": "amazonaws.com",
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
}
"""From a partition to the domain of its services."""

_REGION_PREFIXES = {
    "aws-cn": "cn-",
    "aws-us-gov": "us-gov-",
    "aws-eusc": "eusc-",
    "aws-iso": "us-iso-",
    "aws-iso-b": "us-isob-",
    "aws-iso-e": "eu-isoe-",
    "aws-iso-f": "us-isof-",
}
"""From a partition to how its regions begin; in ``aws`` are all others."""

_ENABLED_BY_DEFAULT = frozenset(
    {
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
        *("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
        *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
    }
)
"""The regions of ``aws`` that need no opting in. The list is closed: every region since March 2019 is opt-in."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic whose messages are expected."""

    arn: str
    certificate_origin: str
    """Scheme and host under which its signing certificates lie, such as ``https://sns.eu-west-1.amazonaws.com``."""
    certificate_name: str
    """The DNS name that its signing certificates are issued for."""

    @classmethod
    def from_arn(cls, arn: str) -> Topic:
        """Raises `ValueError` when ``arn`` is not the ARN of an SNS topic, or its region is not of its partition."""
        found = match_arn(arn)
        if found is None or found["partition"] not in _DOMAINS:
            raise ValueError(f"{arn!r} is not the ARN of an SNS topic.")
        partition, region = found["partition"], found["region"]
        home = next((name for name, prefix in _REGION_PREFIXES.items() if region.startswith(prefix)), "aws")
        if home != partition:
            raise ValueError(f"{arn!r} names a region that is not in its partition.")
        domain = _DOMAINS[partition]
        return cls(arn, f"https://sns.{region}.{domain}", _certificate_name(partition, region, domain))


def _certificate_name(partition: str, region: str, domain: str) -> str:
    """In whose name SNS's certificates are issued in a region.

    Source: the table in AWS's own verifier for Java (`SnsHostProvider` of `sns-message-manager`), and certificates
    seen: us-west-2 has ``sns.amazonaws.com``, af-south-1 ``sns-signing.af-south-1.amazonaws.com``.
    """
    match partition:
        case "aws" if region in _ENABLED_BY_DEFAULT:
            return f"sns.{domain}"
        case "aws-us-gov":
            return f"sns-us-gov-west-1.{domain}"  # for both regions
        case "aws-cn" | "aws-iso" | "aws-iso-b":
            return f"sns-{region}.{domain}"
        case _:
            return f"sns-signing.{region}.{domain}"
