"""CloudFormation resource types that moto lacks, or of which it drops properties in silence."""
