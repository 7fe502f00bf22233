"""What moto's SNS lacks: pushing over HTTP as Amazon SNS does it."""
