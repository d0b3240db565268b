package bootstrap

import (
	"encoding/json"

	"lockstep/internal/roles"
)

// RolesStackName is the name of the stack with the roles that Lockstep itself adds. It is a stack of its own, so that
// `cdk bootstrap` neither knows nor removes them.
const RolesStackName = "LockstepToolkit"

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

// rolesTemplate returns the template of the stack of roles.
func rolesTemplate() string {
	template := object{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              "The roles of Lockstep besides those of the CDK's bootstrap, in one account and region.",
		"Parameters": object{
			"Qualifier": object{"Type": "String", "Description": "The qualifier of the CDK's bootstrap."},
			"TrustedAccounts": object{
				"Type": "CommaDelimitedList", "Description": "The accounts whose principals may assume the roles.",
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
				allow(ledgerObjects, "s3:GetObject", "s3:PutObject", "s3:DeleteObject"), listBucket(),
				throughS3("kms:Decrypt", "kms:GenerateDataKey")),
			"Planner":       plannerRole(),
			"AssetsOnly":    assetsOnlyPolicy(),
			"StackPolicies": stackPoliciesPolicy(),
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
	ledgerObjects = stagingBucket + "/lockstep/*"
	planRecords   = stagingBucket + "/lockstep/*/plans/*"
	signatures    = stagingBucket + "/lockstep/*/attestations/*"
	executionRole = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/" +
		"cdk-${Qualifier}-cfn-exec-role-${AWS::AccountId}-${AWS::Region}"
	bootstrapVersion = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter" +
		"/cdk-bootstrap/${Qualifier}/version"
	changeSets = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:*"
	readOnly   = "arn:${AWS::Partition}:iam::aws:policy/AWSCloudFormationReadOnlyAccess"
)

// plannerRole returns the role that creates and deletes change sets. It cannot execute one, and it can delete no stack.
// CloudFormation reads a template with the rights of its caller, so the role reads assets too.
func plannerRole() object {
	return role(roles.Planner, "creates the change sets of plans, and executes none", []any{substitute(readOnly)},
		allow(changeSets, "cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet"),
		allow(executionRole, "iam:PassRole"),
		allow(bootstrapVersion, "ssm:GetParameter"),
		allow(stagingBucket+"/*", "s3:GetObject"), listBucket(),
		allow(planRecords, "s3:PutObject"), allow(signatures, "s3:PutObject"),
		throughS3("kms:Decrypt", "kms:GenerateDataKey"))
}

// assetsOnlyPolicy returns the policy that keeps the CDK's file publishing role out of the ledger. That role may write
// the whole bucket, and every job that publishes an asset has it.
func assetsOnlyPolicy() object {
	deny := allow(ledgerObjects, "s3:*")
	deny.Effect = "Deny"
	return object{"Type": "AWS::IAM::Policy", "Properties": object{
		"PolicyName":     substitute("lockstep-${Qualifier}-assets-only-${AWS::AccountId}-${AWS::Region}"),
		"Roles":          []any{roleName(roles.FilePublishing)},
		"PolicyDocument": document(deny),
	}}
}

// stackPoliciesPolicy returns the policy that lets the CDK's deploy role protect the resources of a stack: the bootstrap
// gives it every other right that a deployment uses.
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

func listBucket() statement { return allow(stagingBucket, "s3:ListBucket") }

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
