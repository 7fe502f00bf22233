"""A day of many annotators in simulated time: the inbox's own code on a model of DynamoDB, SNS and Auto Scaling."""
