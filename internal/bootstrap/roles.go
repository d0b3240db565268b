package bootstrap

import (
	"encoding/json"

	"lockstep/internal/roles"
)

type (
	object    = map[string]any
	statement struct {
		Effect    string `json:"Effect"`
		Action    any    `json:"Action"`
		Resource  any    `json:"Resource,omitempty"`
		Principal any    `json:"Principal,omitempty"`
		Condition any    `json:"Condition,omitempty"`
	}
)

// A phase is how far a stack of roles has come, as its parameter Records says it.
type phase string

// The phases. While records are moved to the bucket of the ledger, nobody may write any.
const (
	complete phase = "own bucket"
	moving   phase = "being moved"
)

// rolesTemplate returns the template of the stack of roles.
func rolesTemplate(p phase) string {
	template := object{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              "The roles and the bucket of Lockstep besides those of the CDK's bootstrap.",
		"Parameters": object{
			"Qualifier": object{"Type": "String", "Description": "The qualifier of the CDK's bootstrap."},
			"TrustedAccounts": object{
				"Type": "CommaDelimitedList", "Description": "The accounts whose principals may assume the roles.",
			},
			recordsParameter: object{
				"Type": "String", "Description": "Where the records of deployments are: in a bucket of their own, or being moved.",
			},
			"TemplateDigest": object{
				"Type":        "String",
				"Description": "The digest of this template, by which Lockstep sees whether the stack is up to date.",
			},
		},
		"Resources": object{
			"LedgerReader": role(roles.LedgerReader, "reads what Lockstep has recorded of deployments", nil,
				allow(ledgerObjects, "s3:GetObject"), listBucket(), throughS3("kms:Decrypt")),
			"LedgerWriter": role(roles.LedgerWriter, "records deployments of Lockstep, and holds their lock", nil,
				p.writing(allow(ledgerObjects, "s3:GetObject", "s3:PutObject", "s3:DeleteObject"), listBucket(),
					throughS3("kms:Decrypt", "kms:GenerateDataKey"))...),
			"Planner":            plannerRole(p),
			"AssetsOnly":         assetsOnlyPolicy(),
			"LedgerBucket":       ledgerBucket(),
			"LedgerBucketPolicy": ledgerBucketPolicy(),
			"StackPolicies":      stackPoliciesPolicy(),
		},
	}
	text, err := json.MarshalIndent(template, "", " ")
	if err != nil {
		panic(err) // it has nothing but texts, lists and objects
	}
	return string(text)
}

// The resources of the statements. IAM's * matches slashes too.
const (
	stagingBucket = "arn:${AWS::Partition}:s3:::cdk-${Qualifier}-assets-${AWS::AccountId}-${AWS::Region}"
	// formerObjects are where earlier versions kept the ledger.
	formerObjects = stagingBucket + "/" + recordsPrefix + "*"
	ledgerARN     = "arn:${AWS::Partition}:s3:::lockstep-${Qualifier}-${AWS::AccountId}-${AWS::Region}"
	ledgerObjects = ledgerARN + "/" + recordsPrefix + "*"
	planRecords   = ledgerObjects + "/plans/*"
	signatures    = ledgerObjects + "/attestations/*"
	executionRole = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/" +
		"cdk-${Qualifier}-cfn-exec-role-${AWS::AccountId}-${AWS::Region}"
	bootstrapVersion = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter" +
		"/cdk-bootstrap/${Qualifier}/version"
	changeSets = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:*"
	readOnly   = "arn:${AWS::Partition}:iam::aws:policy/AWSCloudFormationReadOnlyAccess"
)

// plannerRole returns the role that creates and deletes change sets. It cannot execute one, and it can delete no stack.
// CloudFormation reads a template with the rights of its caller, so the role reads assets too.
func plannerRole(p phase) object {
	return role(roles.Planner, "creates the change sets of plans, and executes none", []any{substitute(readOnly)},
		p.writing(allow(changeSets, "cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet"),
			allow(executionRole, "iam:PassRole"),
			allow(bootstrapVersion, "ssm:GetParameter"),
			allow(stagingBucket+"/*", "s3:GetObject"), allow(ledgerObjects, "s3:GetObject"), listBucket(),
			allow(planRecords, "s3:PutObject"), allow(signatures, "s3:PutObject"),
			throughS3("kms:Decrypt", "kms:GenerateDataKey"))...)
}

// writing returns the statements of a role that writes records. While records are moved it may do nothing: a run that
// wrote some more would not find them again.
func (p phase) writing(statements ...statement) []statement {
	if p == moving {
		return []statement{{Effect: "Deny", Action: "*", Resource: "*"}}
	}
	return statements
}

// ledgerBucket returns the bucket of the ledger. It is kept when the stack is deleted. Older versions of its objects
// are kept for a year.
func ledgerBucket() object {
	return object{
		"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain",
		"Properties": object{
			"BucketName":              substitute(roles.LedgerBucket("${Qualifier}", "${AWS::AccountId}", "${AWS::Region}")),
			"VersioningConfiguration": object{"Status": "Enabled"},
			"BucketEncryption": object{"ServerSideEncryptionConfiguration": []any{object{
				"BucketKeyEnabled": true, "ServerSideEncryptionByDefault": object{"SSEAlgorithm": "aws:kms"},
			}}},
			"OwnershipControls": object{"Rules": []any{object{"ObjectOwnership": "BucketOwnerEnforced"}}},
			"PublicAccessBlockConfiguration": object{
				"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
			},
			"LifecycleConfiguration": object{"Rules": []any{
				object{
					"Id": "older-versions", "Status": "Enabled",
					"NoncurrentVersionExpiration":    object{"NoncurrentDays": 365},
					"AbortIncompleteMultipartUpload": object{"DaysAfterInitiation": 1},
				},
			}},
		},
	}
}

// ledgerBucketPolicy returns the policy of that bucket, which refuses whatever comes without TLS.
func ledgerBucketPolicy() object {
	deny := statement{
		Effect: "Deny", Action: "s3:*", Principal: "*", Resource: []any{substitute(ledgerARN), substitute(ledgerARN + "/*")},
		Condition: object{"Bool": object{"aws:SecureTransport": "false"}},
	}
	return object{"Type": "AWS::S3::BucketPolicy", "Properties": object{
		"Bucket": object{"Ref": "LedgerBucket"}, "PolicyDocument": document(deny),
	}}
}

// assetsOnlyPolicy returns the policy that keeps the CDK's file publishing role out of the records of earlier versions,
// which are in the CDK's bucket. That role may write the whole bucket, and every job that publishes an asset has it.
func assetsOnlyPolicy() object {
	deny := allow(formerObjects, "s3:*")
	deny.Effect = "Deny"
	return object{"Type": "AWS::IAM::Policy", "Properties": object{
		"PolicyName":     substitute("lockstep-${Qualifier}-assets-only-${AWS::AccountId}-${AWS::Region}"),
		"Roles":          []any{roleName(roles.FilePublishing)},
		"PolicyDocument": document(deny),
	}}
}

// stackPoliciesPolicy returns the policy that lets the CDK's deploy role protect the resources of a stack: the
// bootstrap gives it every other right that a deployment uses.
func stackPoliciesPolicy() object {
	stacks := "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/*"
	return object{"Type": "AWS::IAM::Policy", "Properties": object{
		"PolicyName":     substitute("lockstep-${Qualifier}-stack-policies-${AWS::AccountId}-${AWS::Region}"),
		"Roles":          []any{roleName(roles.Deploy)},
		"PolicyDocument": document(allow(stacks, "cloudformation:SetStackPolicy")),
	}}
}

// role returns a role that the trusted accounts may assume.
func role(kind roles.Kind, description string, managed []any, statements ...statement) object {
	trust := allow("", "sts:AssumeRole")
	trust.Resource = nil
	trust.Principal = object{"AWS": object{"Ref": "TrustedAccounts"}}
	properties := object{
		"RoleName": roleName(kind), "Description": description, "AssumeRolePolicyDocument": document(trust),
		"Policies": []any{object{"PolicyName": string(kind), "PolicyDocument": document(statements...)}},
	}
	if managed != nil {
		properties["ManagedPolicyArns"] = managed
	}
	return object{"Type": "AWS::IAM::Role", "Properties": properties}
}

func roleName(kind roles.Kind) object {
	return substitute(kind.Name("${Qualifier}", "${AWS::AccountId}", "${AWS::Region}"))
}

func allow(resource string, actions ...string) statement {
	return statement{Effect: "Allow", Action: actions, Resource: substitute(resource)}
}

// listBucket allows to list both buckets: what is garbage in one is known by the other.
func listBucket() statement {
	s := allow(stagingBucket, "s3:ListBucket", "s3:GetEncryptionConfiguration")
	s.Resource = []any{substitute(stagingBucket), substitute(ledgerARN)}
	return s
}

// throughS3 allows actions of the key that encrypts the bucket, through S3 alone.
func throughS3(actions ...string) statement {
	s := allow("arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/*", actions...)
	s.Condition = object{"StringEquals": object{"kms:ViaService": substitute("s3.${AWS::Region}.${AWS::URLSuffix}")}}
	return s
}

func document(statements ...statement) object {
	return object{"Version": "2012-10-17", "Statement": statements}
}

// substitute returns a text whose ${NAMES} CloudFormation replaces.
func substitute(text string) object { return object{"Fn::Sub": text} }
