package mutants

// deploymentKinds are the kinds that are about what is deployed.
var deploymentKinds = []kind{
	{
		name: "A rollback goes back to what was withdrawn",
		mutants: []Mutant{
			{
				Fault: "a rollback goes to the newest release before that is no rollback, withdrawn or not",
				File:  "internal/deploy/ledger/history.go",
				Old: `		r := h.releases[h.Original(n)]
		if r.SynthDigest != deployed.SynthDigest && h.WithdrawnBy(r.Number) == 0 {`,
				New: `		r := h.releases[n]
		if r.SynthDigest != deployed.SynthDigest && r.Restores == 0 {`,
				Package: "./internal/deploy/ledger",
				Fails: []string{
					"TestHistory_RollbackNeverGoesBackToWithdrawn/after a rollback and a release",
					"TestHistory_RollbackNeverGoesBackToWithdrawn/and released once more",
					"TestHistory_RollbackNeverGoesBackToWithdrawn/to the first and a release",
					"TestHistory_RollbackNeverGoesBackToWithdrawn/after two rollbacks and a release",
					"TestHistory_RollbackNeverGoesBackToWithdrawn/what was restored, released again",
				},
				OtherPackages: map[string][]string{
					"./internal/deploy": {
						"TestRollback_SkipsWithdrawnReleases",
					},
				},
			},
			{
				Fault:   "the record of a rollback stands for itself",
				File:    "internal/deploy/ledger/history.go",
				Old:     "restored <= 0 || restored >= number",
				New:     "restored >= 0",
				Package: "./internal/deploy/ledger",
				Fails: []string{
					"TestHistory_OriginalOfARollbackOfARollback",
					"TestHistory_RollbackNeverGoesBackToWithdrawn/and back from it again",
					"TestHistory_RollbackNeverGoesBackToWithdrawn/a rollback to a rollback, from before there were versions",
				},
			},
			{
				Fault:   "a record does not decide what it withdraws",
				File:    "internal/deploy/ledger/history.go",
				Old:     "if rollback.Version >= versionOfWithdraws {",
				New:     "if rollback.Version > versionOfWithdraws {",
				Package: "./internal/deploy/ledger",
				Fails: []string{
					"TestHistory_RecordOfVersion2SaysWhatItWithdraws",
				},
			},
			{
				Fault:   "`status` does not show what was withdrawn",
				File:    "internal/cli/status.go",
				Old:     "if r.WithdrawnBy > 0 {",
				New:     "if r.WithdrawnBy > 1<<30 {",
				Package: "./internal/cli",
				Fails: []string{
					"TestStatus_ShowsWithdrawnReleases",
				},
			},
			{
				Fault:   "`--to 0` and an empty `--to` stand for no `--to`",
				File:    "internal/cli/rollout.go",
				Old:     "if err != nil || number < 1 {",
				New:     `if err != nil && text != "" || number < 0 {`,
				Package: "./internal/cli",
				Fails: []string{
					"TestFlags_RefuseReleaseNumbersThatCannotBe/rollback --env dev --to=0",
					"TestFlags_RefuseReleaseNumbersThatCannotBe/rollback --env dev --to=",
				},
			},
			{
				Fault: "`verify` compares with the release before a rollback",
				File:  "internal/rollout/released.go",
				Old: `	a := releasedAssembly(o.session, *r)
	a.restores = 0`,
				New: `	if r.Restores > 0 {
		before, err := d.EarlierRelease(ctx, r.Number-1)
		if err != nil {
			return localAssembly{}, err
		}
		r = &before
	}
	a := releasedAssembly(o.session, *r)
	a.restores = 0`,
				Package: "./internal/rollout",
				Fails: []string{
					"TestVerify_ComparesWithTheNewestRelease",
				},
			},
		},
	},
	{
		name: `"Unchanged" that is not, and "changed" that is not`,
		mutants: []Mutant{
			{
				Fault: "resources and outputs alone are compared",
				File:  "internal/deploy/compare/template.go",
				Old:   `		if reflect.DeepEqual(old[section], next[section]) {`,
				New: `		if section != Resources && section != Outputs || reflect.DeepEqual(old[section], ` +
					"next[section]) {",
				Package: "./internal/deploy/compare",
				Fails: []string{
					"TestStack_ComparesWhatTemplatesComeTo/a mapping in use",
					"TestStack_ComparesWhatTemplatesComeTo/a condition of a resource",
					"TestStack_ComparesWhatTemplatesComeTo/a condition of a value",
					"TestStack_ComparesWhatTemplatesComeTo/a mapping by way of two conditions",
					"TestStack_ComparesWhatTemplatesComeTo/a transform",
					"TestStack_ComparesWhatTemplatesComeTo/hooks",
				},
				OtherPackages: map[string][]string{
					"./internal/deploy": {
						"TestComparison_UnchangedThatIsNotAndChangedThatIsNot/a mapping",
						"TestComparison_UnchangedThatIsNotAndChangedThatIsNot/a condition",
					},
					"./tests/faults": {
						"TestComparison_CommandsAgreeOnChangesByHand",
					},
				},
			},
			{
				Fault: "a parameter that the assembly does not give counts as equal",
				File:  "internal/deploy/compare/parameters.go",
				Old: `	case !isGiven:
`,
				New: `	case want.Parameters[name] == "":
`,
				Package: "./internal/deploy/compare",
				Fails: []string{
					"TestStack_ComparesParametersWithWhatAnUpdateGives/another value than the default",
					"TestStack_ComparesParametersWithWhatAnUpdateGives/an empty default",
					"TestStack_ComparesParametersWithWhatAnUpdateGives/another number",
				},
				OtherPackages: map[string][]string{
					"./internal/deploy": {
						"TestComparison_UnchangedThatIsNotAndChangedThatIsNot/a parameter that falls back to its default",
						"TestComparison_UnchangedThatIsNotAndChangedThatIsNot/a parameter of a condition",
						"TestComparison_UnchangedThatIsNotAndChangedThatIsNot/a list",
						"TestParameters_ComeFromTheAssemblyTheDefaultOrTheStack/the assembly gives it no more",
						"TestParameters_ComeFromTheAssemblyTheDefaultOrTheStack/the default is another",
						"TestParameters_ValueOfAnAdoptedStackIsShown",
					},
				},
			},
			{
				Fault: "a letter beyond ASCII differs from what `GetTemplate` answers",
				File:  "internal/deploy/compare/template.go",
				Old: `		return assembly.MaskNonASCII(v)
`,
				New: `		return v
`,
				Package: "./internal/deploy",
				Fails: []string{
					"TestComparison_CharactersBeyondASCIIAreDeployedOnce/an umlaut",
					"TestComparison_CharactersBeyondASCIIAreDeployedOnce/Japanese",
					"TestComparison_CharactersBeyondASCIIAreDeployedOnce/a smile",
					"TestComparison_CharactersBeyondASCIIAreDeployedOnce/a dash",
				},
			},
			{
				Fault:   "what CloudFormation counts as no change is not recorded",
				File:    "internal/deploy/release.go",
				Old:     "MatchDigest: step.matchDigest,",
				New:     `MatchDigest: "",`,
				Package: "./internal/deploy",
				Fails: []string{
					"TestComparison_WhatCloudFormationCountsAsNoChangeIsRecorded/a dependency",
					"TestComparison_WhatCloudFormationCountsAsNoChangeIsRecorded/a value that is computed in another way",
					"TestComparison_WhatCloudFormationCountsAsNoChangeIsRecorded/a value that is substituted",
					"TestComparison_WhatCloudFormationCountsAsNoChangeIsRecorded/metadata",
				},
			},
			{
				Fault:   "every run records a release",
				File:    "internal/deploy/release.go",
				Old:     "if d.isRecorded(last, p) {",
				New:     "if last != nil && last.RunID == d.Run.ID && d.isRecorded(last, p) {",
				Package: "./internal/deploy",
				Fails: []string{
					"TestComparison_SSMValuesAreReadEachTime", "TestComparison_HiddenValuesAreAskedForEachTime",
				},
			},
			{
				Fault:   "a run that has nothing to do takes the lock",
				File:    "internal/deploy/engine.go",
				Old:     "if found.isUnchanged() && d.isAlreadyReleased(ctx, l) {",
				New:     "if found.isUnchanged() && d.isAlreadyReleased(ctx, l) && o.Restores > 0 {",
				Package: "./internal/deploy",
				Fails: []string{
					"TestDeploy_CreatesUpdatesThenChangesNothing",
				},
			},
			{
				Fault: "a reviewed plan of no change is not accepted",
				File:  "internal/deploy/reviewedplan.go",
				Old: `	s.accept(s.current.Compare(s.stack))
`,
				New: `	s.comparison = s.current.Compare(s.stack)
`,
				Package: "./internal/deploy",
				Fails: []string{
					"TestComparison_ReviewedPlanOfNoChangeIsApplied",
					"TestComparison_ParameterThatComesToTheSameIsNotedOnce/a reviewed plan",
				},
			},
			{
				Fault:   "changes are read with the values of properties alone",
				File:    "internal/deploy/cfn/changes.go",
				Old:     "resources, err := c.resourceChanges(ctx, id, false)",
				New:     "resources, err := c.resourceChanges(ctx, id, true)",
				Package: "./internal/deploy",
				Fails: []string{
					"TestChangeSet_FlagsWhatPropertyValuesHide/alone",
					"TestChangeSet_FlagsWhatPropertyValuesHide/beside a change that is shown",
					"TestChangeSet_FlagsWhatPropertyValuesHide/a reviewed plan",
				},
			},
		},
	},
	{
		name: "A rehearsal passes what AWS refuses",
		mutants: []Mutant{
			{
				Fault:   "tags that differ in case are two",
				File:    "config/awsrules/tags.go",
				Old:     "key != other && strings.EqualFold(key, other)",
				New:     "key != other && key == other",
				Package: "./config/awsrules",
				Fails: []string{
					"TestTags_CaseAloneDoesNotDistinguish",
				},
				OtherPackages: map[string][]string{
					"./internal/deploy/preflight": {
						"TestTemplates_WhatAWSRefuses/equal tags on a role but for case",
						"TestStack_TagsCountWithThoseOfResources",
					},
				},
			},
			{
				Fault:   "any character may be in a tag",
				File:    "config/awsrules/tags.go",
				Old:     `!strings.ContainsRune("_.:/=+-@", c) {`,
				New:     `!strings.ContainsRune("_.:/=+-@&,();#%\n\t", c) {`,
				Package: "./config/awsrules",
				Fails: []string{
					"TestTags_CharactersAreThoseOfIAM",
				},
			},
			{
				Fault:   "the length of a tag is counted in bytes",
				File:    "config/awsrules/tags.go",
				Old:     "switch n := utf8.RuneCountInString(key); {",
				New:     "switch n := len(key); {",
				Package: "./config/awsrules",
				Fails: []string{
					"TestTags_LengthsCountCharacters",
				},
			},
			{
				Fault: "the tags of the stack do not count",
				File:  "internal/deploy/preflight/tags.go",
				Old: `		for key := range s.stack.Tags {
			seen[key] = true
		}
`,
				New:     "",
				Package: "./internal/deploy/preflight",
				Fails: []string{
					"TestStack_TagsCountWithThoseOfResources",
				},
			},
			{
				Fault:   "the rules of the services are not asked",
				File:    "internal/deploy/preflight/preflight.go",
				Old:     "cloudFormationRules, registryRules, tagRules, ssmRules, iamRules, lambdaRules, s3Rules,",
				New:     "cloudFormationRules,",
				Package: "./internal/deploy/preflight",
				Fails: []string{
					"TestTemplates_WhatAWSRefuses/a tag on a role with an ampersand",
					"TestTemplates_WhatAWSRefuses/an empty tag key", "TestTemplates_WhatAWSRefuses/51 tags",
					"TestTemplates_WhatAWSRefuses/an unknown property",
					"TestTemplates_WhatAWSRefuses/a value that is not allowed",
					"TestTemplates_WhatAWSRefuses/an empty parameter",
					"TestTemplates_WhatAWSRefuses/a reserved parameter",
					"TestTemplates_WhatAWSRefuses/six layers",
					"TestTemplates_WhatAWSRefuses/a bucket's name with capitals",
				},
			},
			{
				Fault: "an export that another stack imports is dropped",
				File:  "internal/deploy/preflight/existing.go",
				Old: `		if err := c.checkLostExports(p); err != nil {
			return nil, err
		}
`,
				New:     "",
				Package: "./internal/deploy/preflight",
				Fails: []string{
					"TestExports_InUse/dropped", "TestExports_InUse/renamed",
					"TestExports_InUse/renamed by a function", "TestExports_InUse/another value",
					"TestExports_InUse/another resource",
					"TestExports_OrderWithinAssembly/it still imports, and comes before",
				},
			},
			{
				Fault:   "the order of the stacks does not count",
				File:    "internal/deploy/preflight/existing.go",
				Old:     "return needs(p.Stack, other.Stack) && !certainlyImports(other.Stack, export)",
				New:     "return !certainlyImports(other.Stack, export)",
				Package: "./internal/deploy/preflight",
				Fails: []string{
					"TestExports_OrderWithinAssembly/it no longer imports, but may come after",
				},
			},
			{
				Fault:   "what is found in the stacks that exist stops nothing",
				File:    "internal/deploy/refused.go",
				Old:     "p.deployment.judge(existing))",
				New:     "p.deployment.judge(existing[:0]))",
				Package: "./internal/deploy",
				Fails: []string{
					"TestDeploy_StopsAtExportsInUse/dropped, and the other stack first stops to import",
					"TestDeploy_StopsAtExportsInUse/changed",
					"TestDeploy_StopsAtExportsInUse/dropped, and the other stack is not in the assembly",
					"TestDeploy_StopsAtExportsInUse/exported by another stack",
					"TestDeploy_StopsAtExportsInUse/exported by two stacks",
				},
			},
			{
				Fault: "the type of a resource changes",
				File:  "internal/deploy/preflight/existing.go",
				Old: `		c.checkTypes(p)
`,
				New:     "",
				Package: "./internal/deploy/preflight",
				Fails: []string{
					"TestTypes_CannotChange",
				},
			},
		},
	},
	{
		name: "Garbage takes what a waiting plan needs",
		mutants: []Mutant{
			{
				Fault: "the files of waiting plans are not needed",
				File:  "internal/deploy/staging/garbage.go",
				Old: `		addKeys(needed, p.AssetKeys...)
`,
				New:     "",
				Package: "./internal/deploy",
				Fails: []string{
					"TestGarbage_KeepsWhatIsStillNeeded/a waiting plan",
					"TestGarbage_KeepsWhatIsStillNeeded/a plan of another environment in the account",
				},
			},
			{
				Fault: "the files of a run that was cut off are not needed",
				File:  "internal/deploy/staging/garbage.go",
				Old: `		addKeys(needed, journal.AssetKeys...)
`,
				New:     "",
				Package: "./internal/deploy",
				Fails: []string{
					"TestGarbage_KeepsWhatIsStillNeeded/a run that was cut off",
				},
			},
			{
				Fault: "the files of the next rollback are not needed",
				File:  "internal/deploy/garbage.go",
				Old: `			needed[key] = true
`,
				New: `			needed[key] = len(key) == 0
`,
				Package: "./internal/deploy",
				Fails: []string{
					"TestGarbage_KeepsWhatIsStillNeeded/the default rollback",
				},
			},
			{
				Fault:   "any key is garbage",
				File:    "internal/deploy/staging/garbage.go",
				Old:     "&& isGarbageKey(l, key) {",
				New:     "{",
				Package: "./internal/deploy",
				Fails: []string{
					"TestGarbage_TakesOnlyHashedKeysAndOwnBlobs",
				},
			},
			{
				Fault:   "what templates mention is garbage",
				File:    "internal/deploy/staging/garbage.go",
				Old:     "isOld && !isMentioned(key, templates)",
				New:     "isOld",
				Package: "./internal/deploy",
				Fails: []string{
					"TestGarbage_OnlyUnreferencedOldObjects", "TestGarbage_KeepsWhatAnyExistingStackUses",
				},
			},
			{
				Fault:   "nothing is published before the first stack is changed",
				File:    "internal/deploy/reviewedplan.go",
				Old:     "return step.run(func() error { return p.deployment.publishFor(ctx, step) })",
				New:     "return nil",
				Package: "./internal/deploy",
				Fails: []string{
					"TestReviewedPlan_MissingFilesArePublishedAgain",
				},
			},
		},
	},
	{
		name: "Plans block each other, and do not say what they leave out",
		mutants: []Mutant{
			{
				Fault:   "the empty stack of another plan counts as a change",
				File:    "internal/deploy/reviewedplan.go",
				Old:     "if state.Phase == cfn.Absent && wasAbsent {",
				New:     "if state.Phase == cfn.Absent && wasAbsent && state.LastUpdated().Equal(reviewed.Updated) {",
				Package: "./internal/deploy",
				Fails: []string{
					"TestReviewedPlan_FirstDeploymentsDoNotBlockEachOther/an earlier plan waits",
					"TestReviewedPlan_FirstDeploymentsDoNotBlockEachOther/an earlier plan was dropped",
				},
			},
			{
				Fault:   "a plan may drop the change sets of others",
				File:    "internal/deploy/savedplan.go",
				Old:     "if !set.IsOf(place.Account, s.Name, run) {",
				New:     `if !set.IsOf(place.Account, s.Name, run) && set.ID == "" {`,
				Package: "./internal/deploy",
				Fails: []string{
					"TestDropPlan_DeletesOnlyItsOwnChangeSets/a change set of another run",
					"TestDropPlan_DeletesOnlyItsOwnChangeSets/a change set of somebody else",
					"TestDropPlan_DeletesOnlyItsOwnChangeSets/a change set of another account",
					"TestDropPlan_DeletesOnlyItsOwnChangeSets/the stack of another change set",
				},
			},
			{
				Fault:   "a plan is applied twice",
				File:    "internal/deploy/reviewedplan.go",
				Old:     `case registered.AppliedByRun != "" && registered.AppliedByRun != d.interruptedRun:`,
				New:     `case registered.AppliedByRun == "-":`,
				Package: "./internal/deploy",
				Fails: []string{
					"TestReviewedPlan_AppliedExactlyOrRefused/the plan was applied already",
				},
			},
			{
				Fault: "deferred stacks are not counted",
				File:  "internal/deploy/planfile/planfile.go",
				Old: `			f.Unseen.Add(s.UnseenResources)
`,
				New:     "",
				Package: "./internal/deploy",
				Fails: []string{
					"TestPlan_CountsWhatItDoesNotShow/two resources",
					"TestPlan_CountsWhatItDoesNotShow/a transform",
				},
			},
			{
				Fault:   "deferred stacks are deployed where plans have to be complete",
				File:    "internal/deploy/apply.go",
				Old:     "if p.reviewed && p.deployment.RequiresCompletePlan {",
				New:     "if p.reviewed && p.deployment == nil {",
				Package: "./internal/deploy",
				Fails: []string{
					"TestReviewedPlan_CompletePlansStopBeforeDeferredStacks",
					"TestReviewedPlan_CompletePlansComeToAnEnd",
				},
			},
		},
	},
}
