package tests

// suiteDiffRows are about what a deployment would change, as a change set says it.
func suiteDiffRows() []suiteRow {
	const folder = "diff/cdk-cdk-diff"
	const asChangeSet = folder + "---method-change-set-"
	return []suiteRow{
		{folder, same, "A plan shows what would be added, modified and removed.", "tests/rehearsal/deploy.txtar"},
		{
			folder + "---fail-on-multiple-stacks-exits-with-error-if-any-of-the-stacks-contains-a-diff", different,
			"A plan with changes is a result and ends with 0; its --json says which stacks change.",
			"tests/rehearsal/plans.txtar",
		},
		{
			folder + "---fail-with-multiple-stack-exits-with-if-any-of-the-stacks-contains-a-diff", different,
			"A plan with changes is a result and ends with 0; its --json says which stacks change.",
			"tests/rehearsal/plans.txtar",
		},
		{
			asChangeSet + "can-be-run-twice-on-a-new-stack", same,
			"A plan of a new stack can be made again.", "internal/deploy.TestPlan_TwiceOnANewStack",
		},
		{
			asChangeSet + "detects-ssm-parameter-driven-changes", same,
			"The value of an SSM parameter is read each time: a change of it alone is one.",
			"internal/deploy.TestComparison_SSMValuesAreReadEachTime",
		},
		{
			asChangeSet + "does-not-leave-stack-in-review-in-progress", same,
			"A plan leaves neither a change set nor a stack.", "internal/deploy.TestPlan_DiscardLeavesNothing",
		},
		{
			asChangeSet + "full-lifecycle", same,
			"A plan says nothing, then additions, then modifications, and none again.",
			"internal/deploy.TestComparison_UnchangedThatIsNotAndChangedThatIsNot",
		},
		{
			asChangeSet + "succeeds-for-deployed-stack", same,
			"A plan of a stack that exists shows its changes.",
			"internal/deploy.TestComparison_UnchangedThatIsNotAndChangedThatIsNot",
		},
		{
			asChangeSet + "succeeds-for-new-stack", same,
			"A plan of a stack that does not exist shows its resources.", "internal/deploy.TestPlan_TwiceOnANewStack",
		},
		{
			asChangeSet + "surfaces-change-set-only-changes-alongside-template-changes", same,
			"The changes are CloudFormation's own, and what the template hides is in them.",
			"internal/deploy.TestChangeSet_FlagsWhatPropertyValuesHide",
		},
		{
			asChangeSet + "with-doubly-nested-stacks", same,
			"A plan goes into nested stacks of nested stacks.", "internal/deploy.TestNestedByPath_FindsStacksInStacks",
		},
		{
			asChangeSet + "with-nested-stacks-through-full-lifecycle", same,
			"A plan of a stack with nested ones, deployed, changed and unchanged.", "tests/rehearsal/nested.txtar",
		},
		{
			folder + "---quiet-does-not-print-there-were-no-differences-message-for-stacks-which-have-no-differences", different,
			"A plan names every stack: what is unchanged was looked at.", "tests/rehearsal/exports.txtar",
		},
	}
}

// suiteSecurityDiffRows are about changes of access.
func suiteSecurityDiffRows() []suiteRow {
	const folder = "diff/cdk-cdk-diff---security-only-"
	const governed = "internal/deploy/risk.TestPermissionFlags_TypesThatGovernAccess"
	const sso = "A change of a resource of IAM Identity Center that governs access needs a permit."
	return []suiteRow{
		{
			folder + "--fail-exits-when-security-changes-are-present", better,
			"Access that is wider needs a permit, or the deployment is refused.",
			"internal/deploy.TestDeploy_RefusesUnallowedFlags",
		},
		{folder + "--fail-exits-when-security-diff-for-sso-access-control-config", same, sso, governed},
		{folder + "--fail-exits-when-security-diff-for-sso-assignment", same, sso, governed},
		{folder + "--fail-exits-when-security-diff-for-sso-perm-set-with-managed-policy", same, sso, governed},
		{folder + "--fail-exits-when-security-diff-for-sso-perm-set-without-managed-policy", same, sso, governed},
		{
			folder + "-method-change-set-detects-security-changes-in-nested-stacks", same,
			"Access in nested stacks is judged.", "internal/deploy/risk.TestFlags_NestedStacksAreJudged",
		},
		{
			folder + "detects-security-changes-in-nested-stacks", same,
			"Access in nested stacks is judged.", "internal/deploy/risk.TestFlags_NestedStacksAreJudged",
		},
		{folder + "successfully-outputs-sso-access-control-information", same, sso, governed},
		{folder + "successfully-outputs-sso-assignment-information", same, sso, governed},
		{folder + "successfully-outputs-sso-permission-set-with-managed-policy-information", same, sso, governed},
		{folder + "successfully-outputs-sso-permission-set-without-managed-policy-information", same, sso, governed},
		{
			"diff/cdk-iam-diff", same,
			"The whole statement that is added is shown.", "internal/deploy/risk.TestPermissionFlags_ShowWholeStatements",
		},
	}
}

// suiteOtherDiffRows are about differences of other kinds.
func suiteOtherDiffRows() []suiteRow {
	const folder = "diff/cdk-cdk-diff-"
	return []suiteRow{
		{
			folder + "-import-existing-resources-shows-import", different,
			"No resource is taken over in passing: a name that exists already is a failure that says so.",
			"internal/deploy.TestDiagnosis_IsGivenAgainAfterwards",
		},
		{
			folder + "doesnt-show-resource-metadata-changes", same,
			"Metadata alone is no change: CloudFormation says so, and that is recorded.",
			"internal/deploy.TestComparison_WhatCloudFormationCountsAsNoChangeIsRecorded",
		},
		{
			folder + "shows-resource-metadata-changes-with---no-change-set", different,
			"A plan is always that of a change set, for which metadata alone is no change.",
			"internal/deploy.TestComparison_WhatCloudFormationCountsAsNoChangeIsRecorded",
		},
		{
			folder + "with-large-changeset-and-custom-toolkit-stack-name-and-qualifier-does-not-fail", same,
			"A template of more than 51,200 bytes goes by way of the bucket of the stack's own synthesizer.",
			"internal/deploy/cfn.TestChangeSetInput_LargeTemplateGoesByTheBucket",
		},
		{
			folder + "with-large-changeset-does-not-fail", same,
			"A template of more than 51,200 bytes goes by way of the bucket.",
			"internal/deploy/cfn.TestChangeSetInput_LargeTemplateGoesByTheBucket",
		},
		{
			"diff/cdk-enablediffnofail", different,
			"The exit status never depends on a setting of the app: a plan ends with 0, drift with 1.",
			"tests/faults.TestDrift_ReportsManualChanges",
		},
	}
}

// suiteAssetRows are about the CDK's program and library that publish assets.
func suiteAssetRows() []suiteRow {
	const program = "It is a program of its own, which publishes without a deployment. Lockstep publishes itself."
	return []suiteRow{
		{
			"cdk-assets/cdk-assets-can-read-lib-output", same,
			"The manifests of assets that the library writes are read.",
			"internal/deploy/assembly.TestRead_StackTakesAssetsOfItsOwnManifest",
		},
		{"cdk-assets/cdk-assets-docker-credential", notOurs, program, ""},
		{"cdk-assets/cdk-assets-uses-profile", notOurs, program, ""},
		{"cdk-assets/smoketest", notOurs, program, ""},
		{
			"context/cdk-context-in-stage-propagates-to-top", same,
			"A look-up without an answer is named, also one in a Stage.",
			"internal/deploy/assembly.TestLookups_WithoutAnswerAreNamed",
		},
		{
			"context/cdk-context-setting", different,
			"Context is set in cdk.json, cdk.context.json or the configuration, which are reviewed; no command edits it.",
			"tests/apps.TestApp_IsToldAccountRegionAndContext",
		},
		{"destroy/cdk-destroy-all-concurrently", notOurs, suiteNoDestroy, ""},
		{"destroy/cdk-destroy-interactive", notOurs, suiteNoDestroy, ""},
		{"destroy/cdk-destroy-with-concurrency", notOurs, suiteNoDestroy, ""},
		{
			"doctor/cdk-doctor", better,
			"doctor names what the machine lacks, and the command that fixes each.",
			"internal/cli.TestDoctor_ChecksStateFolder",
		},
		{"flags/cdk-flags-with-cli-context", notOurs, "Feature flags are the app's own business.", ""},
	}
}

// suiteNoDestroy says why there are no cases of `cdk destroy`.
const suiteNoDestroy = "No command of Lockstep deletes a stack that works. Orphaned ones are named, with the command."

// notOursRows returns a row for each name, with the reason why they are no cases of Lockstep.
func notOursRows(prefix, why string, names []string) []suiteRow {
	rows := make([]suiteRow, 0, len(names))
	for _, name := range names {
		rows = append(rows, suiteRow{prefix + name, notOurs, why, ""})
	}
	return rows
}

// suiteHotswapRows are about changes that go around CloudFormation.
func suiteHotswapRows() []suiteRow {
	const why = "A hotswap goes around CloudFormation: what runs would not be what was reviewed and recorded."
	return notOursRows("hotswap/cdk-hotswap-", why, []string{
		"deployment-caches-template", "deployment-for-ecs-service-detects-failed-deployment-and-errors",
		"deployment-for-ecs-service-waits-for-deployment-to-complete",
		"deployment-supports-appsync-apis-with-many-functions", "deployment-supports-bedrock-agentcore-runtime",
		"deployment-supports-cloudcontrol-based-resources", "deployment-supports-ecs-service",
		"deployment-supports-fn::importvalue-intrinsic",
		"deployment-supports-lambda-functions-description-and-environment-variables",
		"ecs-deployment-respects-properties-override",
	})
}

// suiteImportAndListRows are about taking resources over, and about naming stacks.
func suiteImportAndListRows() []suiteRow {
	const imports = "Taking resources over is done once, by a person, with the CDK; Lockstep then adopts the stack."
	const lists = "tests.TestCommandLine"
	return []suiteRow{
		{"import/cdk-import-interactive", notOurs, imports, ""},
		{"import/cdk-test-resource-import", notOurs, imports, ""},
		{"import/cdk-test-resource-import-with-construct-that-requires-bundling", notOurs, imports, ""},
		{
			"list/cdk-cdk-ls", same, "explain and init name the stacks and where they go.",
			"tests/apps.TestApp_AdoptedAndDelivered",
		},
		{
			"list/cdk-cdk-ls---show-dependencies---json", different,
			"The order is read from the assembly, and a plan names what a stack waits for.",
			"internal/deploy/assembly.TestRead_OrdersStacksByDependencyThenName",
		},
		{
			"list/cdk-cdk-ls---show-dependencies---json---long", different,
			"The order is read from the assembly, and a plan names what a stack waits for.",
			"internal/deploy/assembly.TestRead_OrdersStacksByDependencyThenName",
		},
		{
			"list/cdk-cdk-ls-ci-no-synth-time-on-stdout", same,
			"Results go to stdout and progress to stderr, always.", lists,
		},
		{
			"lookup/cdk-ssm-parameter-provider-error", same,
			"A look-up that has no answer is named with its key.", "internal/deploy/assembly.TestLookups_WithoutAnswerAreNamed",
		},
		{
			"lookup/cdk-vpc-lookup", different,
			"Answers come from cdk.context.json. `lockstep context --live` asks for them; a synthesis asks no account.",
			"internal/deploy/assembly.TestLookups_WithoutAnswerAreNamed",
		},
		{
			"metadata/cdk-metadata", different,
			"No version metadata: an assembly is the same whoever makes it.",
			"tests/apps.TestApp_IsToldAccountRegionAndContext",
		},
		{
			"orphan/cdk-orphan-detaches-resource", notOurs,
			"Detaching a resource is done once, by a person, with the CDK; a resource that is kept is no loss of data.", "",
		},
	}
}

// suiteMigrateRows are about apps that the CDK writes from what exists.
func suiteMigrateRows() []suiteRow {
	const why = "Lockstep writes no apps; one that the CDK has written is adopted like any other."
	return notOursRows("migrate/", why, []string{
		"cdk-migrate--from-stack-creates-deployable-app-csharp", "cdk-migrate--from-stack-creates-deployable-app-java",
		"cdk-migrate--from-stack-creates-deployable-app-python", "cdk-migrate--from-stack-creates-deployable-app-typescript",
		"cdk-migrate-deploys-successfully-csharp", "cdk-migrate-deploys-successfully-java",
		"cdk-migrate-deploys-successfully-python", "cdk-migrate-deploys-successfully-typescript",
		"cdk-migrate-generates-migrate.json", "cdk-test-migrate-deployment-for-app-with-localfile-source-in-migrate.json",
	})
}

// suiteOutputRows are about what is printed where, and about the network in between.
func suiteOutputRows() []suiteRow {
	const notices = "The notices are about the CDK's own versions."
	return []suiteRow{
		{"notices/cdk-cdk-notices-are-displayed-correctly", notOurs, notices, ""},
		{"notices/cdk-cdk-notices-with---unacknowledged", notOurs, notices, ""},
		{"notices/cdk-skips-notice-refresh", notOurs, notices, ""},
		{
			"output/cdk-apps-must-have-terminal", different,
			"An app runs without a terminal, here as in a container, so that both give the same.",
			"tests/apps.TestApp_IsToldAccountRegionAndContext",
		},
		{
			"output/cdk-ci-output-to-stderr", same,
			"Results go to stdout and progress to stderr, always.", "tests/rehearsal/rejected.txtar",
		},
		{
			"output/cdk-ci-true-output-to-stdout", different,
			"Results go to stdout and progress to stderr, with CI=true too.", "tests/rehearsal/rejected.txtar",
		},
		{
			"proxy/cdk-requests-go-through-a-proxy-when-configured", same,
			"A proxy of the environment is used, and named.", "internal/cli.TestRoute_NamesWhatStandsBeforeAWS",
		},
		{
			"proxy/proxy", same,
			"A proxy of the environment is used, and named.", "internal/cli.TestRoute_NamesWhatStandsBeforeAWS",
		},
		{"version/cdk-two-ways-of-showing-the-version", notOurs, "It is the version of the CDK's command line.", ""},
		{
			"sam/cdk-sam-can-locally-test-the-synthesized-cdk-application", notOurs, "SAM runs a function; nothing is deployed.",
			"",
		},
		{"tool-integrations/amplify", notOurs, "It is another tool on the CDK's library.", ""},
		{"uberpackage/uberpackage", notOurs, "It is the packaging of a version 1 of the CDK's library.", ""},
	}
}

// suitePublishRows are about publishing alone, and about moving resources between stacks.
func suitePublishRows() []suiteRow {
	const refactor = "A refactoring moves resources outside of change sets; a plan shows the removal and needs its permit."
	rows := []suiteRow{
		{
			"publish-assets/cdk-publish-assets-idempotent-and-force", same,
			"What is published already is not sent again.", "tests/attacks.TestStaged_SameContentOfAnotherProgramIsTaken",
		},
		{
			"publish-assets/cdk-publish-assets-then-deploy", better,
			"A kept plan has published its files, and its deployment publishes those that are gone again.",
			"internal/deploy.TestReviewedPlan_MissingFilesArePublishedAgain",
		},
		{
			"publish-assets/cdk-publish-assets-without-deploying", same,
			"A plan publishes and deploys nothing.", "internal/deploy.TestPlan_DiscardLeavesNothing",
		},
	}
	for _, name := range []string{
		"dry-run-detect-changes", "dry-run-filter-by-patterns", "dry-run-no-changes", "large-template",
		"move-same-to-different-stacks", "no-ambiguities-execution", "with-ambiguities-execution",
	} {
		rows = append(rows, suiteRow{"refactor/cdk-refactor-" + name, notOurs, refactor, ""})
	}
	return rows
}

// suiteSynthRows are about synthesis and the assembly.
func suiteSynthRows() []suiteRow {
	return []suiteRow{
		{
			"synth/cdk-can-still-load-old-assemblies", same,
			"Assemblies of schemas from version 36 on are read by their names.",
			"internal/deploy/assembly.TestRead_TakesNewerSchemaWithKnownNames",
		},
		{"synth/cdk-cdk-synth", same, "An app is synthesised.", "tests/apps.TestApp_AdoptedAndDelivered"},
		{
			"synth/cdk-cdk-synth-add-the-metadata-properties-expected-by-sam", same,
			"An app gets the setting that makes it write the metadata of assets.",
			"tests/apps.TestApp_IsToldAccountRegionAndContext",
		},
		{
			"synth/cdk-cdk-synth-bundled-functions-as-expected", same,
			"An app gets the names of the stacks that it has to bundle: all.",
			"tests/apps.TestApp_IsToldAccountRegionAndContext",
		},
		{
			"synth/cdk-synth---quiet-can-be-specified-in-cdk.json", different,
			"A synthesis prints no template; what the app prints is in its log.", "tests/apps.TestApp_SaysWhatIsMissing",
		},
		{
			"synth/cdk-synthing-a-stage-with-errors-can-be-suppressed", different,
			"An error that a construct has added fails the synthesis, and no flag lets it pass.",
			"tests/apps.TestApp_SaysWhatIsMissing",
		},
		{
			"synth/cdk-synthing-a-stage-with-errors-leads-to-failure", same,
			"An error that a construct has added fails the synthesis.", "tests/apps.TestApp_SaysWhatIsMissing",
		},
		{
			"synth/cdk-templates-on-disk-contain-metadata-resource", different,
			"No version metadata: an assembly is the same whoever makes it.",
			"tests/apps.TestApp_IsToldAccountRegionAndContext",
		},
	}
}

// suiteValidateRows are about what is known before a deployment.
func suiteValidateRows() []suiteRow {
	const refused = "internal/deploy.TestDeploy_StopsAtWhatAWSRefuses"
	return []suiteRow{
		{
			"validate-online/cdk-validate-no-online-skips-cfn", same,
			"The gate `templates` checks templates without an account.", "tests/gates.TestGates_FindDefectAndPassCleanTwin",
		},
		{
			"validate-online/cdk-validate-online-catches-bucket-conflict", same,
			"A name that exists already is found by the early validation, and shown.",
			"internal/deploy.TestDiagnosis_ReadsTheEvidenceOfARefusedChangeSet",
		},
		{
			"validate-online/cdk-validate-online-combined-offline-and-online", better,
			"All that AWS would refuse is named at once, before the first write.", refused,
		},
		{
			"validate-online/cdk-validate-online-passes-valid-template", same,
			"A template that AWS takes passes.", "internal/deploy/preflight.TestTemplates_WhatAWSTakes",
		},
		{
			"validate/cdk-validate-passes-clean-app", same,
			"A template that AWS takes passes.", "internal/deploy/preflight.TestTemplates_WhatAWSTakes",
		},
		{
			"validate/cdk-validate-reports-violations", same,
			"A value that AWS would refuse is named with resource, construct and source.",
			"internal/deploy/preflight.TestFinding_NamesResourceConstructAndSource",
		},
	}
}

// suiteInitRows are about apps that the CDK writes.
func suiteInitRows() []suiteRow {
	const why = "Lockstep writes no apps. `lockstep init` adopts one that is there."
	return notOursRows("", why, []string{
		"init-csharp/init-csharp", "init-fsharp/init-fsharp", "init-go/init-go", "init-java/init-java",
		"init-javascript/init-javascript", "init-python/init-python", "init-typescript-app/init-typescript-app",
		"init-typescript-lib/init-typescript-lib", "init-typescript-lib/use-lib-as-bundled-dependency",
	})
}

// suiteTelemetryRows are about what the CDK's command line tells its makers.
func suiteTelemetryRows() []suiteRow {
	const why = "Lockstep sends nobody anything about its use."
	return notOursRows("telemetry-integ-tests/", why, []string{
		"cdk-cli-telemetry-disable-sends-no-data", "cdk-deploy-telemetry", "cdk-hotswap-telemetry",
		"cdk-invalid-command-telemetry", "cdk-synth-guessagent", "cdk-synth-telemetry", "cdk-synth-telemetry-with-errors",
		"cdk-synth-telemetry-with-synth-exception", "cli-telemetry/cdk-cli-telemetry-adds-context-value",
		"cli-telemetry/cdk-cli-telemetry-reads-perf-counters", "cli-telemetry/cdk-cli-telemetry-reports-status",
	})
}

// suiteToolkitRows are about the CDK's library for programs, and about its watching of files.
func suiteToolkitRows() []suiteRow {
	const watch = "Watching files is for the work on an app; a deployment of Lockstep is asked for."
	return []suiteRow{
		{
			"toolkit-lib-integ-tests/toolkit-can-cdk-deploy", same,
			"The same deployment runs from the command line, Dagger and CodeBuild.",
			"tests/module.TestParity_HostDaggerAndBuildspecsRunSame",
		},
		{
			"toolkit-lib-integ-tests/toolkit-deploy-stack-with-multiple-docker-assets", same,
			"A stack has an image that is built, and one that was built before the synthesis.", suiteImages,
		},
		{"toolkit-lib-integ-tests/toolkit-watch-glob", notOurs, watch, ""},
		{"toolkit-lib-integ-tests/toolkit-watch-glob-negative", notOurs, watch, ""},
		{"watch/cdk-watch-detects-file-changes-with-directory-scoped-glob", notOurs, watch, ""},
		{"watch/cdk-watch-detects-file-changes-with-glob-patterns", notOurs, watch, ""},
		{"watch/cdk-watch-detects-file-changes-with-glob-patterns-negative", notOurs, watch, ""},
	}
}
