"""What moto's DynamoDB lacks: its queries read the whole table, and its transactions copy it."""
