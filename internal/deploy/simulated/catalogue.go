package simulated

import "time"

// A Behaviour is something that AWS does to its clients, and that this cloud plays.
type Behaviour struct {
	// Name is a short name in lower case.
	Name string
	// Does says what AWS does, and Client what Lockstep does about it.
	Does, Client string
	// Source is the address of the page that says so.
	Source string
	// Test is the test that runs under it, as PACKAGE.TEST below internal.
	Test string
	// play switches it on; nil for a row that every cloud plays.
	play func(*Cloud)
}

// The pages that several rows have as their source.
const (
	apiReference = "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/"
	toolkit      = "https://github.com/aws/aws-cdk-cli/blob/7ff50e77/packages/@aws-cdk/toolkit-lib/lib/api/"
)

// Catalogue returns the rows of what AWS does. A realistic cloud plays all of them.
func Catalogue() []Behaviour {
	var rows []Behaviour
	for _, part := range [][]Behaviour{
		operationRows(), changeSetRows(), stateRows(), driftRows(), accountRows(), imageRows(), faultRows(),
	} {
		rows = append(rows, part...)
	}
	return rows
}

// operationRows are about operations and their events.
func operationRows() []Behaviour {
	return []Behaviour{
		{
			Name:   "stale descriptions",
			Does:   "For a few reads after a write, DescribeStacks answers the stack as it was before.",
			Client: "The end of an operation is taken from its own events.",
			Source: toolkit + "deployments/cfn-api.ts",
			Test:   "deploy.TestFollow_TakesTheEndFromTheStacksOwnEvents",
			play:   func(c *Cloud) { c.StaleReads = 2 },
		},
		{
			Name: "late start",
			Does: "ExecuteChangeSet, DeleteStack and the like return before the operation has begun; for a moment the " +
				"stack has neither the status nor an event of it.",
			Client: "The run waits for the operation's first event; a later run finds it by the state of the change set.",
			Source: apiReference + "API_ExecuteChangeSet.html",
			Test:   "deploy.TestFollow_ResumesWhatHasNotBegunYet",
			play:   func(c *Cloud) { c.LateStart = 120 * time.Millisecond },
		},
		{
			Name:   "events on several pages",
			Does:   "DescribeStackEvents answers the newest events first, on several pages, those of older operations too.",
			Client: "Pages are read until the event before the operation; its own are known by their token.",
			Source: apiReference + "API_DescribeStackEvents.html",
			Test:   "deploy.TestFollow_ReadsEveryEventOnce",
			play:   func(c *Cloud) { c.PageSize = 3 },
		},
		{
			Name: "late events",
			Does: "An event can be answered after one that happened later: events of one moment come in any order, and " +
				"the end of the stack can be there before the failure of its resource.",
			Client: "An event is known by its id, and the cause of a failure is read again after the end.",
			Source: "https://github.com/aws-actions/aws-cloudformation-github-deploy/pull/197",
			Test:   "deploy.TestFollow_ReadsEveryEventOnce",
			play:   func(c *Cloud) { c.LateEvents = 200 * time.Millisecond },
		},
		{
			Name: "events of several operations",
			Does: "DescribeStackEvents answers the events of every operation on the stack, and a late one of the operation " +
				"before can come among those of the current one.",
			Client: "An operation's own events are known by its token; a failure of another one is no cause.",
			Source: apiReference + "API_StackEvent.html",
			Test:   "deploy/cfn.TestEventReader_FindsTheEndOfItsOwnOperation",
		},
		{
			Name:   "cancelled resources",
			Does:   "When a resource fails, the others fail with the reason that they were cancelled.",
			Client: "A cancelled resource is never named as the cause.",
			Source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html",
			Test:   "deploy.TestDiagnosis_NamesTheCauseAndNotWhatWasCancelled",
		},
	}
}

// changeSetRows are about change sets.
func changeSetRows() []Behaviour {
	return []Behaviour{
		{
			Name: "incomplete changes",
			Does: "Asked for property values, DescribeChangeSet leaves out the changes of resources whose values it " +
				"cannot show.",
			Client: "Changes come from the answer without values; values are only added to them.",
			Source: "https://github.com/aws/aws-cdk-cli/issues/1780",
			Test:   "deploy.TestChangeSet_FlagsWhatPropertyValuesHide",
			play: func(c *Cloud) {
				c.UnrenderableTypes = []string{"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::IAM::Role"}
			},
		},
		{
			Name:   "no changes",
			Does:   "A change set without changes fails, with one of two reasons.",
			Client: "Either is a proof that there is nothing to do.",
			Source: toolkit + "deployments/cfn-api.ts",
			Test:   "deploy.TestChangeSet_EmptyInEitherWording",
			play: func(c *Cloud) {
				c.EmptyReasons = []string{
					"The submitted information didn't contain changes. Submit different information to create a change set.",
					"No updates are to be performed.",
				}
			},
		},
		{
			Name:   "another template without a change",
			Does:   "A template that differs in nothing but dependencies, or in the spelling of a value, is no change.",
			Client: "What CloudFormation says is recorded, and accepted when the stack is read back.",
			Source: "https://github.com/aws/aws-cdk/issues/21496",
			Test:   "deploy.TestComparison_WhatCloudFormationCountsAsNoChangeIsRecorded",
		},
		{
			Name:   "kept when left out",
			Does:   "Tags and notification topics that a request leaves out stay; only an empty list removes them.",
			Client: "Both are always sent, empty if there are none.",
			Source: apiReference + "API_UpdateStack.html",
			Test:   "deploy.TestChangeSet_RemovesTheLastTagAndTopic",
		},
		{
			Name:   "parameters",
			Does:   "A parameter that a request leaves out comes to its default, unless the request keeps the previous value.",
			Client: "The order is assembly, default, stack; a value of the stack alone is a change of its own.",
			Source: apiReference + "API_Parameter.html",
			Test:   "deploy.TestParameters_ComeFromTheAssemblyTheDefaultOrTheStack",
		},
		{
			Name:   "deleted later",
			Does:   "DeleteChangeSet returns before the change set is gone; until then it is listed.",
			Client: "The run waits until it is gone, and then deletes the stack that only held it.",
			Source: toolkit + "deployments/deploy-stack.ts",
			Test:   "deploy.TestDiscard_WaitsUntilTheChangeSetIsGone",
			play:   func(c *Cloud) { c.DeletionTime = 150 * time.Millisecond },
		},
		{
			Name: "early validation",
			Does: "A change set fails with the name of a validation; what it has found is answered by DescribeEvents " +
				"alone, while the change set exists.",
			Client: "The events are read before the change set is deleted.",
			Source: apiReference + "API_DescribeEvents.html",
			Test:   "deploy.TestDiagnosis_ReadsTheEvidenceOfARefusedChangeSet",
		},
		{
			Name:   "hooks",
			Does:   "A change set fails with the name of a hook; why it refused is answered by ListHookResults alone.",
			Client: "The results are read before the change set is deleted.",
			Source: apiReference + "API_ListHookResults.html",
			Test:   "deploy.TestDiagnosis_ReadsTheEvidenceOfARefusedChangeSet",
		},
	}
}

// stateRows are about the states of stacks.
func stateRows() []Behaviour {
	return []Behaviour{
		{
			Name:   "failed update",
			Does:   "A stack in UPDATE_FAILED takes no change set; RollbackStack leads out.",
			Client: "It is rolled back, then updated.",
			Source: "https://github.com/aws/aws-cli/issues/6368",
			Test:   "deploy.TestStates_FailedUpdateIsRolledBackFirst",
		},
		{
			Name:   "failed creation",
			Does:   "A stack in ROLLBACK_COMPLETE can only be deleted.",
			Client: "It is deleted and created again.",
			Source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html",
			Test:   "deploy.TestStates_EveryStatusHasActionOrRefusal",
		},
		{
			Name:   "question marks",
			Does:   "GetTemplate answers every character beyond ASCII as a question mark.",
			Client: "Templates are compared with those characters masked.",
			Source: "https://github.com/aws/aws-cdk/issues/10523",
			Test:   "deploy.TestComparison_CharactersBeyondASCIIAreDeployedOnce",
		},
	}
}

// driftRows are about drift.
func driftRows() []Behaviour {
	return []Behaviour{
		{
			Name:   "partial drift",
			Does:   "A detection that fails for one resource has results for the others.",
			Client: "The results are shown, with what could not be compared and why.",
			Source: apiReference + "API_DescribeStackDriftDetectionStatus.html",
			Test:   "deploy.TestDrift_FailedDetectionKeepsItsResults",
		},
		{
			Name:   "drift detection already running",
			Does:   "DetectStackDrift is refused while another detection of the stack runs.",
			Client: "The run waits for its turn.",
			Source: apiReference + "API_DetectStackDrift.html",
			Test:   "deploy.TestDrift_WaitsForAnotherDetection",
			play:   func(c *Cloud) { c.RunningDetections = 2 },
		},
		{
			Name:   "nested drift",
			Does:   "The detection of a stack says nothing of its nested stacks.",
			Client: "Each nested stack is compared too.",
			Source: apiReference + "API_DetectStackDrift.html",
			Test:   "deploy.TestDrift_LooksIntoNestedStacks",
		},
	}
}

// accountRows are about what an account has and refuses.
func accountRows() []Behaviour {
	return []Behaviour{
		{
			Name:   "encryption headers",
			Does:   "Policies of organisations refuse an object whose request does not say how it is to be encrypted.",
			Client: "Each request says it as the bucket itself encrypts, with its key.",
			Source: "https://github.com/aws/aws-cdk-cli/blob/7ff50e77/packages/@aws-cdk/cdk-assets-lib/lib/private/handlers/" +
				"files.ts",
			Test: "deploy.TestAWS_C4_ObjectsAreEncryptedAsTheBucketIs",
			play: func(c *Cloud) { c.RefusesUnencrypted = true },
		},
		{
			Name: "rights of the bootstrap",
			Does: "The deploy role of `cdk bootstrap` may do what its version gives it: before 32 it may not list change " +
				"sets, resources or exports, before 30 not read what a validation has found, before 23 not roll back.",
			Client: "The version and the rights are read before the first write, and what is too old is refused.",
			Source: "https://github.com/aws/aws-cdk-cli/commits/7ff50e77/packages/aws-cdk/lib/api/bootstrap/" +
				"bootstrap-template.yaml",
			Test: "deploy.TestRights_OfEachVersionOfTheBootstrap",
		},
		{
			Name:   "garbage collection of the CDK",
			Does:   "`cdk gc` deletes from the bucket for assets every object that no template names.",
			Client: "Records and kept assemblies are in a bucket of their own.",
			Source: toolkit + "garbage-collection/garbage-collector.ts",
			Test:   "deploy.TestAWS_C10_GarbageCollectionOfTheCDKTakesNoRecord",
		},
	}
}

// imageRows are about the repositories of container images.
func imageRows() []Behaviour {
	const reference = "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/"
	return []Behaviour{
		{
			Name: "parts of layers",
			Does: "ECR names the size of the parts of a layer. It refuses a part that does not follow the one before, and " +
				"says how much it has; only the last part may be smaller.",
			Client: "Parts have the size that was named; a part that ECR has already is not sent again.",
			Source: reference + "API_UploadLayerPart.html",
			Test:   "deploy/staging.TestRepository_PartsHaveTheNamedSize",
			play:   func(c *Cloud) { c.LayerPartSize = 5 << 20 },
		},
		{
			Name: "missing layers",
			Does: "BatchCheckLayerAvailability takes a hundred layers, and answers those that are not there among its " +
				"failures.",
			Client: "It is called as often as an image needs, and every layer that is not answered as available is uploaded.",
			Source: "https://github.com/awslabs/amazon-ecr-containerd-resolver/blob/02ca0a6e/ecr/pusher.go",
			Test:   "deploy/staging.TestRepository_ManyMissingLayers",
			play:   func(c *Cloud) { c.MissingLayersFail = true },
		},
		{
			Name:   "forgotten uploads",
			Does:   "An upload that has begun can be unknown before its last part has come.",
			Client: "The layer is uploaded again from its beginning.",
			Source: reference + "API_CompleteLayerUpload.html",
			Test:   "deploy/staging.TestRepository_UploadThatECRForgets",
		},
		{
			Name:   "layers that go",
			Does:   "A layer that was available can be gone when the manifest comes, with the last image that had it.",
			Client: "The layers are looked at again, and uploaded.",
			Source: reference + "API_PutImage.html",
			Test:   "deploy/staging.TestRepository_LayerThatGoesMeanwhile",
		},
		{
			Name:   "immutable tags",
			Does:   "A repository refuses an image under a tag that another one has.",
			Client: "The image under the tag is read back, and the deployment refused if it is another one.",
			Source: reference + "API_PutImage.html",
			Test:   "deploy.TestImages_TagThatIsTakenMeanwhile",
		},
		{
			Name:   "archived images",
			Does:   "An image in the archive of ECR is described as every other one, and cannot be pulled.",
			Client: "Its status is read, and a deployment that needs it is refused with the command that restores it.",
			Source: "https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive-image.html",
			Test:   "deploy/staging.TestRepository_ArchivedImageIsRefused",
		},
	}
}

// faultRows are about calls that do not get through. FaultOf plays all of them.
func faultRows() []Behaviour {
	const errors = "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html"
	const test = "deploy.TestDeploy_BearsEveryFault"
	return []Behaviour{
		{
			Name:   "throttling",
			Does:   "Any call can be refused because there are too many.",
			Client: "It is sent again, for up to 15 minutes.",
			Source: errors,
			Test:   test,
			play:   func(c *Cloud) { c.FaultOf = periodicFault },
		},
		{
			Name:   "server errors",
			Does:   "Any call can be answered with a status of 500 or 503.",
			Client: "It is sent again, ten times.",
			Source: errors,
			Test:   test,
		},
		{
			Name:   "lost answers",
			Does:   "A connection can end after AWS has done what it was asked, before the answer has come.",
			Client: "The call is sent again with the same token, and an answer that it was done already is no failure.",
			Source: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Run_Instance_Idempotency.html",
			Test:   test,
		},
		{
			Name:   "resets during an upload",
			Does:   "A connection can be reset while a request is sent.",
			Client: "The request is sent again from its beginning.",
			Source: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-guidelines.html",
			Test:   test,
		},
		{
			Name:   "uploads without a checksum",
			Does:   "A bucket with Object Lock refuses an upload that comes without a checksum.",
			Client: "Every upload has one.",
			Source: "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html",
			Test:   "deploy.TestAssets_UploadsHaveChecksums",
		},
		{
			Name: "silence",
			Does: "For half a minute no call is answered: a network changes, or a service is overloaded.",
			Client: "Calls are sent again for five minutes since the last answer; an endpoint that has never answered is " +
				"given up within 15 s.",
			Source: "https://github.com/aws/aws-cdk-cli/blob/7ff50e77/packages/@aws-cdk/toolkit-lib/lib/api/aws-auth/" +
				"awscli-compatible.ts",
			Test: "deploy.TestAWS_C1_DeploymentOutlivesHalfAMinuteOfSilence",
		},
		{
			Name:   "expired credentials",
			Does:   "The credentials of a role expire while it is used.",
			Client: "They are thrown away, and the role is assumed again.",
			Source: "https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html",
			Test:   test,
		},
		{
			Name: "credentials of a job",
			Does: "The credentials of a CodeBuild job are valid for an hour at most, and only their endpoint has new ones.",
			Client: "The endpoint is asked again before they expire; credentials that cannot be renewed have to last as " +
				"long as the job may take.",
			Source: "https://github.com/prowler-cloud/prowler/issues/1259",
			Test:   "deploy.TestAWS_A9_DeploymentOutlivesTheCredentialsOfItsJob",
		},
	}
}
