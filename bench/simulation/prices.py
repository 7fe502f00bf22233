"""What AWS takes, in US dollars, us-east-1, on demand. Looked up on 2026-11-28 in AWS's published prices."""

from __future__ import annotations

HOUR_OF_AN_ANNOTATOR = 0.1008
"""m7i.large, Linux: the stack's default."""
GIB_MONTH = 0.08
"""gp3."""
MILLION_WRITES, MILLION_READS = 0.625, 0.125
"""DynamoDB's request units."""
MILLION_PUBLISHED, MILLION_PUSHED = 0.50, 0.60
"""SNS: a request, and a delivery over HTTPS."""
THOUSAND_PUTS = 0.01
"""CloudWatch PutMetricData."""
HOURS_OF_A_MONTH = 730
