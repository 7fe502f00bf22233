"""S3 where moto's falls short: uploads by presigned POST, uploads in parts, Glacier."""
