package tests

// suiteBootstrapRows are about the account's bootstrap itself.
func suiteBootstrapRows() []suiteRow {
	const folder = "bootstrap/cdk-bootstrap-"
	return []suiteRow{
		{
			folder + "a-customized-template-vendor-will-not-overwrite-the-default-template", same,
			"A bootstrap of another variant is refused.",
			"internal/bootstrap.TestBootstrap_KeepsWhatTheConfigurationDoesNotSet",
		},
		{
			folder + "add-tags", same,
			"The tags of a bootstrap stay when it is updated.", "internal/bootstrap.TestBootstrap_KeepsTagsAndProtection",
		},
		{
			folder + "can-add-tags-then-update-tags-during-re-bootstrap", different,
			"Tags of the bootstrap are not configured. Those that somebody has set stay.",
			"internal/bootstrap.TestBootstrap_KeepsTagsAndProtection",
		},
		{
			folder + "can-bootstrap-without-execution", different,
			"Nothing is left for later: what would change is shown and refused, until --change-parameters allows it.",
			"internal/bootstrap.TestBootstrap_ChangesAreApprovedFirst",
		},
		{
			folder + "can-create-a-legacy-bootstrap-stack-with---public-access-block-configuration-false", notOurs,
			"The legacy bootstrap has no roles, and its bucket would be open.", "",
		},
		{
			folder + "can-create-multiple-legacy-bootstrap-stacks", notOurs,
			"The legacy bootstrap has no roles. A qualifier makes a second bootstrap in an account.", "",
		},
		{
			folder + "can-dump-the-template", different,
			"The template is that of the pinned CDK, known by its hash. Another one is refused.",
			"internal/bootstrap.TestLoadTemplate_RefusesAnotherTemplate",
		},
		{
			folder + "can-re-bootstrap-after-stack-deletion", same,
			"A bootstrap whose stack was deleted takes back the bucket and the repository that stayed.",
			"internal/bootstrap.TestBootstrap_TakesBackWhatADeletedStackHasKept",
		},
		{
			folder + "can-remove-custompermissionsboundary", different,
			"A boundary that somebody has set stays: Lockstep widens no rights. `cdk bootstrap` removes it.",
			"internal/bootstrap.TestBootstrap_KeepsWhatTheConfigurationDoesNotSet",
		},
		{
			folder + "can-remove-trusted-account", different,
			"Trust in another account stays: others may rely on it. `cdk bootstrap --untrust` removes it.",
			"internal/bootstrap.TestBootstrap_KeepsWhatTheConfigurationDoesNotSet",
		},
		{
			folder + "can-use-the-custom-permissions-boundary-(with-slashes)-to-bootstrap", same,
			"A permissions boundary stays, whatever its name.",
			"internal/bootstrap.TestBootstrap_KeepsWhatTheConfigurationDoesNotSet",
		},
		{
			folder + "can-use-the-custom-permissions-boundary-to-bootstrap", same,
			"A permissions boundary stays.", "internal/bootstrap.TestBootstrap_KeepsWhatTheConfigurationDoesNotSet",
		},
		{
			folder + "can-use-the-default-permissions-boundary-to-bootstrap", same,
			"A permissions boundary stays.", "internal/bootstrap.TestBootstrap_KeepsWhatTheConfigurationDoesNotSet",
		},
		{
			folder + "create-ecr-with-tag-immutability-to-set-on", same,
			"The repository is that of the CDK's template, which is known by its hash.",
			"internal/bootstrap.TestLoadTemplate_RefusesAnotherTemplate",
		},
		{
			folder + "deploy-role-cannot-be-assumed-with-external-id", same,
			"What forbids external ids stays as it is, and only the tooling account assumes the deploy role.",
			"tests.TestDeployRole_OnlyToolingAccountAssumesIt",
		},
		{
			folder + "switch-on-termination-protection", same,
			"The bootstrap's termination protection stays when it is updated.",
			"internal/bootstrap.TestBootstrap_KeepsTagsAndProtection",
		},
		{
			folder + "upgrade-legacy-bootstrap-stack-to-new-bootstrap-stack-while-in-use", notOurs,
			"Stacks of the legacy bootstrap are moved with the CDK first; they have no roles to assume.", "",
		},
	}
}

// suiteBootstrapDeployRows are about deployments to a bootstrap of one kind or another.
func suiteBootstrapDeployRows() []suiteRow {
	const folder = "bootstrap/cdk-bootstrap-"
	return []suiteRow{
		{
			folder + "can-and-deploy-if-omitting-execution-policies", different,
			"The execution policies are configured, and by default an administrator's, as the CDK's are.",
			"internal/bootstrap.TestBootstrap_KeepsWhatTheConfigurationDoesNotSet",
		},
		{
			folder + "can-deploy-modern-synthesized-stack-even-if-bootstrap-stack-name-is-unknown", same,
			"The version is read from the SSM parameter; nobody asks for the name of the stack.",
			"internal/deploy.TestReadiness_BootstrapVersion",
		},
		{
			folder + "can-deploy-with-session-tags-on-the-deploy", same,
			"Session tags and all other options of a role reach AssumeRole.",
			"internal/awsclient.TestRole_EveryOptionReachesAssumeRole",
		},
		{
			folder + "can-deploy-without-execution-role-and-with-session-tags-on-deploy-role", same,
			"A stack without an execution role is deployed with the deploy role's own rights.",
			"internal/deploy/cfn.TestChangeSetInput_StackWithoutExecutionRole",
		},
		{
			folder + "deploy-new-style-synthesis-to-new-style-bootstrap", same,
			"An app in its default form is deployed to a bootstrap in its default form.",
			"tests/apps.TestApp_AdoptedAndDelivered",
		},
		{
			folder + "deploy-new-style-synthesis-to-new-style-bootstrap-(with-docker-image)", same,
			"An image is built, and pushed to the repository of the bootstrap.", suiteImages,
		},
		{
			folder + "deploy-old-style-synthesis-to-new-style-bootstrap", different,
			"A stack that names no roles is refused: nothing would keep it out of the wrong account.",
			"internal/deploy.TestCheckAssembly_RefusesOtherTargets",
		},
	}
}

// suiteImages is a script of a deployment with container images.
const suiteImages = "tests/rehearsal/images.txtar"

// suiteOrderRows are about which stacks are deployed, in which order, and what becomes of a failed one.
func suiteOrderRows() []suiteRow {
	const folder = "deploy/cdk-"
	return []suiteRow{
		{
			folder + "--exclusively-selects-only-selected-stack", same,
			"A selected stack is deployed without those that it needs, if they are not selected.",
			"internal/deploy/assembly.TestSelect_KeepsOrderAcrossWhatIsLeftOut",
		},
		{
			folder + "automatic-ordering", same,
			"A stack comes after those that it needs.", "internal/deploy/assembly.TestRead_OrdersStacksByDependencyThenName",
		},
		{
			folder + "automatic-ordering-with-concurrency", same,
			"Stacks that need nothing of each other are deployed at the same time, and the others in order.",
			"internal/deploy.TestDeploy_IndependentStacksAtTheSameTime",
		},
		{
			folder + "automatic-rollback-if-paused-and---no-rollback-is-removed-from-flags", better,
			"An update that has failed and was not rolled back is rolled back first, without a flag.",
			"internal/deploy.TestStates_FailedUpdateIsRolledBackFirst",
		},
		{
			folder + "automatic-rollback-if-paused-and-change-contains-a-replacement", better,
			"An update that has failed is rolled back first, whatever the next change is.",
			"internal/deploy.TestStates_FailedUpdateIsRolledBackFirst",
		},
		{
			folder + "automatic-rollback-if-replacement-and---no-rollback-is-removed-from-flags", better,
			"An update that has failed is rolled back first, whatever the next change is.",
			"internal/deploy.TestStates_FailedUpdateIsRolledBackFirst",
		},
		{
			folder + "deploy-all", same,
			"Without a selection all stacks of the environment are deployed.",
			"internal/deploy.TestDeploy_CreatesUpdatesThenChangesNothing",
		},
		{
			folder + "deploy-all-concurrently", same,
			"Stacks that need nothing of each other are deployed at the same time.",
			"internal/deploy.TestDeploy_IndependentStacksAtTheSameTime",
		},
		{
			folder + "deploy-no-stacks-error", same,
			"A selection that selects nothing is refused, with the stacks that there are.",
			"internal/deploy/assembly.TestSelect_RefusesAnEmptySelection",
		},
		{
			folder + "deploy-no-stacks-with---ignore-no-stacks", different,
			"A selection that selects nothing is refused always: an environment without stacks is a mistake.",
			"internal/deploy/assembly.TestSelect_RefusesAnEmptySelection",
		},
		{
			folder + "deploy-stack-without-resource", different,
			"A stack without resources is skipped. One that exists stays: only a person deletes a stack.",
			"internal/deploy.TestDeploy_StackWithoutResourcesIsSkipped",
		},
		{
			folder + "failed-deploy-does-not-hang", same,
			"A failure ends the run, after the stacks that do not need the failed one.",
			"internal/deploy.TestDeploy_FailureStopsOnlyDependents",
		},
		{
			folder + "generating-and-loading-assembly", same,
			"An assembly that was made earlier, elsewhere, is deployed.", "tests/rehearsal/exports.txtar",
		},
	}
}

// suiteDeployRows are about how a change set is made and executed, and what is shown.
func suiteDeployRows() []suiteRow {
	const folder = "deploy/cdk-"
	return []suiteRow{
		{
			folder + "deploy", same,
			"A stack is created, updated, and then left alone.", "internal/deploy.TestDeploy_CreatesUpdatesThenChangesNothing",
		},
		{
			folder + "deploy---method-direct", different,
			"Every change goes through a change set: what was reviewed is what runs.",
			"internal/deploy.TestReviewedPlan_AppliedExactlyOrRefused",
		},
		{
			folder + "deploy-express-mode", different,
			"A deployment waits until its resources are there: a release that is recorded was verified.",
			"internal/deploy.TestFollow_TakesTheEndFromTheStacksOwnEvents",
		},
		{
			folder + "deploy-early-validation", same,
			"What the early validation has found is shown, with resource and construct.",
			"internal/deploy.TestDiagnosis_ReadsTheEvidenceOfARefusedChangeSet",
		},
		{
			folder + "deploy-guard-hook-failure-displays-annotations", same,
			"What a hook says against a change set is shown.",
			"internal/deploy.TestDiagnosis_ReadsTheEvidenceOfARefusedChangeSet",
		},
		{
			folder + "deploy-lambda-hook-change-set-failure-displays-hook-status-reason", same,
			"What a hook says against a change set is shown.",
			"internal/deploy.TestDiagnosis_ReadsTheEvidenceOfARefusedChangeSet",
		},
		{
			folder + "deploy-outputs-file-written-on-no-change-deploy", same,
			"--json and --record have the outputs of stacks that did not change.",
			"internal/deploy.TestDeploy_OutputsOfUnchangedStacks",
		},
		{
			folder + "deploy-outputs-shown-on-no-change-deploy", same,
			"The outputs of a stack that did not change are in the result.",
			"internal/deploy.TestDeploy_OutputsOfUnchangedStacks",
		},
		{
			folder + "deploy-wildcard-with-outputs", same,
			"A pattern selects stacks, and their outputs are in the result.",
			"internal/deploy/assembly.TestSelect_TakesStacksOfPlacesBySelectors",
		},
		{
			folder + "deploy-with-import-existing-resources-true", different,
			"No resource is taken over in passing: a name that exists already is a failure that says so.",
			"internal/deploy.TestDiagnosis_IsGivenAgainAfterwards",
		},
		{
			folder + "deploy-with-method-direct-and-import-existing-resources-fails", notOurs,
			"Lockstep has neither of the two flags.", "",
		},
		{
			folder + "deploy-with-revert-drift", different,
			"Drift is shown and ends with status 1; nobody reverts it in passing.",
			"tests/faults.TestDrift_ReportsManualChanges",
		},
		{
			folder + "deploy-without-execute-a-named-change-set", better,
			"A plan that is kept is a file with a digest, which one deployment applies as it is.",
			"internal/deploy.TestReviewedPlan_AppliedExactlyOrRefused",
		},
		{
			folder + "deploy-without-import-existing-resources", same,
			"A name that exists already is a failure that says so.", "internal/deploy.TestDiagnosis_IsGivenAgainAfterwards",
		},
		{
			folder + "termination-protection", same,
			"Protection follows the app; to take it away needs a permit.",
			"internal/deploy/risk.TestFlags_TerminationProtection",
		},
		{
			folder + "two-step-deploy-prepare-then-execute-change-set", better,
			"A plan is kept, reviewed and applied as it is, or refused.",
			"internal/deploy.TestReviewedPlan_AppliedExactlyOrRefused",
		},
	}
}

// suiteAssetDeployRows are about what is published before a deployment.
func suiteAssetDeployRows() []suiteRow {
	const folder = "deploy/cdk-"
	return []suiteRow{
		{
			folder + "construct-with-builtin-lambda-function", same,
			"Custom resources of the library are deployed; in a rehearsal a stand-in takes their place.",
			"internal/rehearsal.TestAdapt_UsesStandIns",
		},
		{
			folder + "deploy-and-test-stack-with-lambda-asset", same,
			"A folder is published as an archive, and the function takes it from there.",
			"tests/attacks.TestStaged_SameContentOfAnotherProgramIsTaken",
		},
		{
			folder + "deploy-docker-asset-multi-dest", same, "An image is pushed to each of its destinations.",
			"internal/deploy.TestImages_PushedToEachDestination",
		},
		{
			folder + "deploy-docker-asset-multi-region", same,
			"An image of two regions is built once, and pushed to the repository of each.",
			"internal/builder.TestBuilder_BuildsACopyOfTheFolderOnce",
		},
		{
			folder + "deploy-stack-with-docker-asset", better,
			"The digest of an image is in the plan and in the record of the release, and another image is refused.", suiteImages,
		},
		{
			folder + "deploy-stack-with-lambda-asset-to-object-lock-enabled-asset-bucket", same,
			"Every upload has a checksum, without which such a bucket refuses it.",
			"internal/deploy.TestAssets_UploadsHaveChecksums",
		},
		{
			folder + "deploy-stack-with-multiple-docker-assets", same,
			"A stack has an image that is built, and one that was built before the synthesis.", suiteImages,
		},
		{
			folder + "stage-with-bundled-lambda-function", same,
			"Stacks of a Stage are deployed with their own assets.",
			"internal/deploy/assembly.TestRead_StackTakesAssetsOfItsOwnManifest",
		},
	}
}

// suiteApprovalRows are about what has to be agreed to first.
func suiteApprovalRows() []suiteRow {
	const folder = "deploy/cdk-"
	return []suiteRow{
		{
			folder + "deploy-skips-approval-prompt-on-no-change-deploy", same,
			"A stack without changes needs no permit.", "internal/deploy.TestDeploy_CreatesUpdatesThenChangesNothing",
		},
		{
			folder + "deploy-with-any-change-approval-shows-diff", better,
			"The plan is shown, and the approval names its digest.", "internal/cli.TestApprove_TypedDigestIsThatOfPlan",
		},
		{
			folder + "deploy-with-change-set-approval-diff", better,
			"The plan shows what the change set would do, and the approval names its digest.",
			"internal/cli.TestApprove_TypedDigestIsThatOfPlan",
		},
		{
			folder + "security-related-changes-without-a-cli-are-expected-to-fail", same,
			"Wider access is refused without a permit; nobody is asked.", "internal/deploy.TestDeploy_RefusesUnallowedFlags",
		},
	}
}

// suiteTopicAndParameterRows are about notification topics and parameters.
func suiteTopicAndParameterRows() []suiteRow {
	const folder = "deploy/cdk-"
	return []suiteRow{
		{
			folder + "deploy-deletes-all-notification-arns-when-empty-array-is-passed", same,
			"An app without topics takes the last topic away.", "internal/deploy.TestChangeSet_RemovesTheLastTagAndTopic",
		},
		{
			folder + "deploy-preserves-existing-notification-arns-when-not-specified", different,
			"A topic that the app does not name was added outside: it is shown as a change, and goes.",
			"internal/deploy.TestComparison_UnchangedThatIsNotAndChangedThatIsNot",
		},
		{
			folder + "deploy-with-notification-arn-as-flag", different,
			"Topics are named by the app alone, so that a release means the same everywhere.",
			"tests/faults.TestComparison_TagsAndTopicsComeAndGo",
		},
		{
			folder + "deploy-with-notification-arn-as-prop", same,
			"The topics that the app names are those of the stack.", "tests/faults.TestComparison_TagsAndTopicsComeAndGo",
		},
		{
			folder + "deploy-with-notification-arn-as-prop-and-flag", different,
			"Topics are named by the app alone.", "tests/faults.TestComparison_TagsAndTopicsComeAndGo",
		},
		{
			folder + "deploy-with-parameters", same,
			"`stacks.parameters` gives values by the name of the stack.", "internal/deploy/assembly.TestSelect_SetsParameters",
		},
		{
			folder + "deploy-with-parameters-multi", same,
			"A stack takes several values.", "internal/deploy/assembly.TestSelect_SetsParameters",
		},
		{
			folder + "deploy-with-wildcard-and-parameters", same,
			"Each selected stack takes its own values.", "internal/deploy/assembly.TestSelect_SetsParameters",
		},
	}
}

// suiteNestedAndRestRows are about nested stacks, and about resources that exist.
func suiteNestedAndRestRows() []suiteRow {
	const folder = "deploy/cdk-"
	return []suiteRow{
		{
			folder + "deploy-nested-stacks-with-fn-join-export", same,
			"A nested stack exports a name that is put together.", "tests/rehearsal/nested.txtar",
		},
		{
			folder + "deploy-skips-unnecessary-updates-for-nested-stacks", same,
			"A second deployment leaves nested stacks alone, and a tag alone is a change.", "tests/rehearsal/nested.txtar",
		},
		{folder + "doubly-nested-stack", same, "A nested stack has a nested stack.", "tests/rehearsal/nested.txtar"},
		{
			folder + "import-existing-resources-error-message-includes-construct-paths", same,
			"A failed change set names the construct of each resource.",
			"internal/deploy.TestDiagnosis_ReadsTheEvidenceOfARefusedChangeSet",
		},
		{
			folder + "nested-stack-with-parameters", same,
			"A nested stack takes a parameter of the stack around it.", "tests/rehearsal/nested.txtar",
		},
	}
}

// suiteDiagnoseRows are about why an operation has failed.
func suiteDiagnoseRows() []suiteRow {
	const folder = "diagnose/cdk-diagnose-"
	return []suiteRow{
		{
			folder + "changeset-failure", better,
			"A change set that fails is explained before it is deleted, and stays in the record.",
			"internal/deploy.TestDiagnosis_ReadsTheEvidenceOfARefusedChangeSet",
		},
		{
			folder + "deployment-failure", same,
			"The resource that failed first is named, in nested stacks the deepest.",
			"internal/deploy.TestDiagnosis_IsGivenAgainAfterwards",
		},
		{
			folder + "early-validation-failure", same,
			"What the early validation has found is named.",
			"internal/deploy.TestDiagnosis_ReadsTheEvidenceOfARefusedChangeSet",
		},
		{
			folder + "guard-hook-failure-displays-hook-details", same,
			"The hook and what it says are named.", "internal/deploy.TestDiagnosis_ReadsTheEvidenceOfARefusedChangeSet",
		},
	}
}

// suiteDriftRows are about changes outside of the deployment.
func suiteDriftRows() []suiteRow {
	return []suiteRow{
		{
			"drift/cdk-cdk-drift", same,
			"Resources that differ are shown property by property.", "tests/faults.TestDrift_ReportsManualChanges",
		},
		{
			"drift/cdk-cdk-drift---fail-throws-when-drift-is-detected", same,
			"Drift ends with status 1.", "tests/faults.TestDrift_ReportsManualChanges",
		},
		{
			"drift/cdk-cdk-drift---verbose-shows-unchecked-resources", better,
			"What could not be compared is always named, and is no pass.",
			"internal/deploy.TestDrift_FailedDetectionKeepsItsResults",
		},
	}
}

// suiteGarbageRows are about what old releases have left.
func suiteGarbageRows() []suiteRow {
	const folder = "gc/cdk-gc-"
	const images = "Images stay: `garbage` removes files alone, and `cdk gc` looks at what the stacks use."
	const kept = "internal/deploy.TestGarbage_LeavesImagesAlone"
	return []suiteRow{
		{
			folder + "deletes-unused-s3-objects-rollback", better,
			"What the releases that are kept could go back to stays, by their number and not by days.",
			"internal/deploy.TestGarbage_KeepsWhatIsStillNeeded",
		},
		{folder + "garbage-collection-deletes-unused-ecr-images", different, images, kept},
		{
			folder + "garbage-collection-deletes-unused-s3-objects", same,
			"Files that no release and no stack needs are removed.", "internal/deploy.TestGarbage_OnlyUnreferencedOldObjects",
		},
		{folder + "garbage-collection-keeps-in-use-ecr-images", different, images, kept},
		{
			folder + "garbage-collection-keeps-in-use-s3-objects", same,
			"Files that any stack of the account mentions stay.", "internal/deploy.TestGarbage_KeepsWhatAnyExistingStackUses",
		},
		{folder + "garbage-collection-tags-unused-ecr-images", different, images, kept},
		{
			folder + "garbage-collection-tags-unused-s3-objects", different,
			"Nothing is tagged: the release records say what is needed, and `garbage` lists before it removes.",
			"tests/rehearsal/history.txtar",
		},
		{folder + "garbage-collection-untags-in-use-ecr-images", different, images, kept},
		{
			folder + "garbage-collection-untags-in-use-s3-objects", different,
			"Nothing is tagged: a file that is needed again is needed by its release record.",
			"internal/deploy.TestGarbage_KeepsWhatIsStillNeeded",
		},
	}
}

// suiteRollbackRows are about stacks in a state that an update has left.
func suiteRollbackRows() []suiteRow {
	return []suiteRow{
		{
			"rollback/cdk-stack-in-update_rollback_complete-state-can-be-updated", same,
			"A stack whose update was rolled back is updated.", "internal/deploy.TestStates_EveryStatusHasActionOrRefusal",
		},
		{
			"rollback/cdk-test-cdk-rollback", better,
			"An update that failed and was not rolled back is rolled back by the next deployment.",
			"internal/deploy.TestStates_FailedUpdateIsRolledBackFirst",
		},
		{
			"rollback/cdk-test-cdk-rollback---force", different,
			"A resource that cannot be rolled back is named with the command that skips it: only a person gives it up.",
			"internal/deploy.TestStates_FailedContinueRollbackIsExplained",
		},
		{
			"rollback/cdk-update-to-stack-in-rollback_complete-state-will-delete-stack-and-create-a-new-one", same,
			"A stack whose creation failed is deleted and created again.", "tests/rehearsal/rejected.txtar",
		},
	}
}
