package awsrules

// MaxStackResources is the number of resources that a stack may have.
// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const MaxStackResources = 500
