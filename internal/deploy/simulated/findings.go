package simulated

// A Finding is a place where a client of AWS goes wrong that has only met an emulator. They were found by comparing
// this program with AWS's documentation and with the command line of the CDK.
type Finding struct {
	// ID is a letter and a number: A for a wrong result, B for what blocks a first deployment, C for a surprise.
	ID string
	// Wrong says what goes wrong, and Now what Lockstep does instead. Now begins with "Open:" where that is not all.
	Wrong, Now string
	// Tests hold what Now says, as FOLDER.TEST.
	Tests []string
}

// Findings returns all findings, in the order of their ids.
func Findings() []Finding {
	return append(wrongResults(), surprises()...)
}

func wrongResults() []Finding {
	const deploy, stages = "internal/deploy.", "infra/stages."
	return []Finding{
		{
			"A1", "Changes that are left out of an answer with property values pass the guards.",
			"Changes come from the answer without values.",
			[]string{deploy + "TestChangeSet_FlagsWhatPropertyValuesHide"},
		},
		{
			"A2", "The state from before an operation is taken for its end.",
			"The end comes from the operation's own events.",
			[]string{deploy + "TestFollow_TakesTheEndFromTheStacksOwnEvents"},
		},
		{
			"A3", "A template that differs without a change fails every deployment.",
			"That CloudFormation sees no change is recorded, and accepted.",
			[]string{deploy + "TestComparison_WhatCloudFormationCountsAsNoChangeIsRecorded"},
		},
		{
			"A4", "The last tag or topic cannot be removed.", "What is left out is sent as an empty list.",
			[]string{deploy + "TestChangeSet_RemovesTheLastTagAndTopic"},
		},
		{
			"A5", "A second bootstrap resets what others have set.",
			"It keeps what the configuration does not set, and asks before it changes a value.",
			[]string{
				"internal/bootstrap.TestBootstrap_KeepsWhatTheConfigurationDoesNotSet",
				"internal/bootstrap.TestBootstrap_ChangesAreApprovedFirst",
			},
		},
		{
			"A6", "A parameter's default replaces the value that a stack has.",
			"One order, and a value of the stack alone is a change of its own.",
			[]string{deploy + "TestParameters_ComeFromTheAssemblyTheDefaultOrTheStack"},
		},
		{
			"A7", "A stack in UPDATE_FAILED is given a change set.", "It is rolled back first.",
			[]string{deploy + "TestStates_FailedUpdateIsRolledBackFirst"},
		},
		{
			"A8", "Alarms about what somebody did fail the deployment that did it.",
			"Health alarms of this deployment count; what is deployed is recorded.",
			[]string{deploy + "TestDeploy_RecordsTheHealthOfARelease"},
		},
		{
			"A9", "The credentials of a job end before the job does.", "Steps ask their endpoint again.",
			[]string{
				deploy + "TestAWS_A9_DeploymentOutlivesTheCredentialsOfItsJob", "ci.TestAWS_A9_StepsAskTheEndpointForCredentials",
			},
		},
		{
			"A10", "Drift passes over nested stacks, and over all results when one fails.",
			"Nested stacks are compared, and partial results kept.",
			[]string{deploy + "TestDrift_LooksIntoNestedStacks", deploy + "TestDrift_FailedDetectionKeepsItsResults"},
		},
		{
			"A11", "Performance Insights keeps 93 days, which AWS no longer sells.",
			"Database Insights in standard or advanced mode, on the cluster.",
			[]string{stages + "TestAWS_A11_DatabaseInsightsIsOneOfTheModesThatAreSold"},
		},
		{
			"B1", "A bootstrap before version 32 lets a deployment fail half way.",
			"It is refused before the first write, unless its role has all rights.",
			[]string{deploy + "TestReadiness_BootstrapVersion", deploy + "TestReadiness_RightsOfTheDeployRole"},
		},
		{
			"B2", "What an account can have once, and has, makes the last stack fail.",
			"The account is asked before the first write, and the setting that leaves it out is named.",
			[]string{deploy + "TestReadiness_RefusesBeforeTheFirstWrite"},
		},
		{
			"B3", "A second region of an account makes again what the account has once.", "The first region alone makes it.",
			[]string{stages + "TestAWS_B3_FurtherRegionMakesNothingThatTheAccountHasOnce"},
		},
		{
			"B4", "Images, assets made by a command, and stacks of a second region are refused.",
			"Images are built and pushed, stacks of several accounts and regions are one deployment, commands run as a part " +
				"of the synthesis, and stacks without roles are allowed by name.",
			[]string{
				deploy + "TestImages_PushedOnceThenRecorded", deploy + "TestPlaces_OneDeploymentInSeveralPlaces",
				deploy + "TestCheckAssembly_RefusesOtherTargets",
				deploy + "TestSynthesizer_StackWithoutRolesNeedsAPermit",
				"internal/app.TestAssets_CommandRunsOnceAsAPartOfTheSynthesis",
			},
		},
	}
}

func surprises() []Finding {
	const deploy, stages = "internal/deploy.", "infra/stages."
	return []Finding{
		{
			"C1", "Ten seconds without a network end a run.", "Five minutes are waited since the last answer.",
			[]string{
				"internal/awsclient.TestAWS_C1_SilenceCountsSinceTheLastAnswer",
				deploy + "TestAWS_C1_DeploymentOutlivesHalfAMinuteOfSilence",
			},
		},
		{
			"C2", "The evidence of a refused change set is deleted unread.", "It is read first, and shown.",
			[]string{deploy + "TestDiagnosis_ReadsTheEvidenceOfARefusedChangeSet"},
		},
		{
			"C3", "An approval is waited for longer than its plan is valid.", "Both end at the same time.",
			[]string{stages + "TestB3_ApprovalWaitsAsLongAsPlanIsValid"},
		},
		{
			"C4", "Policies refuse an upload that does not say how it is encrypted.", "Each says it, as its bucket does it.",
			[]string{deploy + "TestAWS_C4_ObjectsAreEncryptedAsTheBucketIs"},
		},
		{
			"C5", "ARNs are of the commercial partition.",
			"They are of the region's; what a partition does not have is refused.",
			[]string{
				stages + "TestAWS_C5_ARNsAreOfThePartition",
				"config.TestAWS_C5_EnvironmentsAreInThePartitionOfTheToolingAccount",
			},
		},
		{
			"C6", "A bootstrap with names of its own works in part.",
			"The configuration of the environment gives its names, and everything uses them; any other is refused.",
			[]string{
				deploy + "TestAWS_C6_BootstrapWithNamesOfItsOwn", deploy + "TestAWS_C6_NamesThatTheConfigurationLacksAreRefused",
				"config.TestBootstrap_OneInAnAccountAndRegion",
				"tests/faults.TestAWS_C6_BootstrapWithNamesOfItsOwn", stages + "TestAWS_C6_StacksUseTheNamesOfTheirBootstrap",
			},
		},
		{
			"C7", "A named resource that was kept blocks the creation of its stack.",
			"It is found before the first write, and `--allow import-existing` takes it over.",
			[]string{deploy + "TestReadiness_ImportsWhatWasKept"},
		},
		{
			"C8", "A pipeline runs when it is made.", "A release starts from a tag alone, and the page on pipelines says so.",
			[]string{stages + "TestB2_TriggersStartTheirPipeline"},
		},
		{
			"C9", "A change set that is being deleted keeps its empty stack.", "The run waits until it is gone.",
			[]string{deploy + "TestDiscard_WaitsUntilTheChangeSetIsGone"},
		},
		{
			"C10", "The CDK's garbage collection takes records and kept assemblies.", "They have a bucket of their own.",
			[]string{
				deploy + "TestAWS_C10_GarbageCollectionOfTheCDKTakesNoRecord", "tests/attacks.TestAWS_C10_BootstrapMovesTheRecords",
			},
		},
		{
			"C11", "Zones have other letters in another region.", "A further region takes those that it has.",
			[]string{stages + "TestAWS_C11_FurtherRegionTakesTheZonesThatItHas"},
		},
		{
			"C12", "A kept assembly is packed in memory, and uploaded whole for each new release.",
			"It is streamed; a large file is kept once, by its content, and only referred to.",
			[]string{
				"internal/deploy/staging.TestAWS_C12_KeptAssemblyIsNeverWholeInMemory",
				"internal/deploy/staging.TestStore_KeepsLargeFilesOnceByTheirContent",
				"internal/deploy/staging.TestStore_ReadsArchivesOfEarlierVersions",
				deploy + "TestAWS_C12_RollbackAndGarbageKnowLargeFiles",
			},
		},
	}
}
