package mutants

// attacks take away, one by one, what stops an attack of docs/attacks.md. The test of the attack must then fail.
var attacks = []Mutant{
	{ // a job applies another plan than the one that was approved
		File: "internal/pipeline/pipelines.go", Old: `return []string{"--expect-assembly", "$" + expectedAssemblyVariable}`,
		New:     "return nil",
		Package: "./internal/pipeline", Run: "TestPipelines_LaterJobsExpectDigests",
	},
	{ // a live run believes another endpoint than that of AWS
		File: "internal/awsclient/endpoint.go", Old: "!IsAWSEndpoint(s.endpoint, partition)",
		New:     "partition == s.endpoint",
		Package: "./internal/rollout", Run: "TestLive_EndpointsAreThoseOfAWSUnlessNamed",
	},
	{ // a live run believes an endpoint without TLS
		File: "internal/awsclient/endpoint.go", Old: `err != nil || address.Scheme != "https"`, New: "err != nil",
		Package: "./internal/rollout", Run: "TestLive_EndpointsAreThoseOfAWSUnlessNamed",
	},
	{ // the CDK app and the gates read the person's files
		File: "internal/host/confine.go", Old: `env := []string{"HOME=" + home}`, New: `env := []string{"HOME=" + m.home}`,
		Package: "./internal/host", Run: "TestStep_SeesNoRegistryTokenAndNoHome",
	},
	{ // an installed tool was changed
		File: "tools/manifest.go", Old: "s.Mtim.Nano(), s.Ctim.Nano()", New: "0, 0",
		Package: "./tools", Run: "TestInstaller_ReinstallsDamagedTool|TestIndex_NoticesChangeUnderOldTimes",
	},
	{ // the bootstrap's template was changed
		File: "internal/bootstrap/apply.go", Old: "got != templateSum", New: "got == templateSum",
		Package: "./internal/bootstrap", Run: "TestLoadTemplate_RefusesAnotherTemplate",
	},
	{ // control characters in a record or a name reach the terminal, and markup a page
		File: "internal/display/display.go", Old: `func Line(text string) string { return escape(text, "", false) }`,
		New:     `func Line(text string) string { return escape(text, "\n\x1b", false) }`,
		Package: "./internal/report", Run: "TestViews_TextFromOutsideControlsNothing",
	},
	{ // dropping a plan deletes what a file names
		File: "internal/deploy/savedplan.go", Old: "!set.IsOf(place.Account, s.Name, run)",
		New:     `!set.IsOf(place.Account, s.Name, run) && run == ""`,
		Package: "./internal/deploy", Run: "TestDropPlan_DeletesOnlyItsOwnChangeSets",
	},
	{ // another user makes Lockstep end a process
		File: "internal/rehearsal/identity.go", Old: "case !identity.matches(record.Identity):",
		New:     "case !identity.matches(record.Identity) && record.PID == 0:",
		Package: "./internal/rehearsal", Run: "TestEmulator_OtherProcessIsNotEnded",
	},
	{ // a reviewer does not see a policy
		File: "internal/redact/redact.go", Old: "if HasPolicy(value) {", New: `if HasPolicy(value) && value == "" {`,
		Package: "./internal/redact", Run: "TestValue_NeverHidesOrCutsPolicies",
	},
	{ // whoever approves has not read the plan
		File:    "internal/cli/approve.go",
		Old:     `if file, ok := a.Stdin.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {`,
		New:     `if file, ok := a.Stdin.(*os.File); ok && !term.IsTerminal(int(file.Fd())) {`,
		Package: "./internal/cli", Run: "TestApprove_AsksForDigest",
	},
	{ // files are readable by everybody
		File: "internal/deploy/planfile/planfile.go",
		Old:  `fsx.WriteFile(path, append(data, '\n'), fsx.PrivateFile)`,
		New:  `fsx.WriteFile(path, append(data, '\n'), fsx.PublicFile)`, Package: "./internal/deploy/planfile",
		Run: "TestWrite_OnlyTheOwnerMayRead",
	},
	{ // status ends well though an account could not be read
		File: "internal/deploy/history.go", Old: "if !s.Unreadable {", New: `if !s.Unreadable || s.Environment != "" {`,
		Package: "./internal/cli", Run: "TestStatus_FailsIfAnAccountCannotBeRead",
	},
	{ // a job pulls any repository by the connection
		File: "infra/stacks/pipeline.go", Old: `service + ":FullRepositoryId": b.Pipeline.Source.Repository, `, New: "",
		Package: "./infra/stages", Run: "TestB1_ConnectionPullsOneRepository",
	},
	{ // a repository names the programs that Git runs
		File: "internal/repo/git.go", Old: `if command == "status" {`, New: `if command == "" {`,
		Package: "./internal/repo", Run: "TestGit_RunsNothingThatTheRepositoryNames",
	},
	{ // a partial clone fetches by any program
		File: "internal/repo/git.go", Old: `"GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=",`, New: "",
		Package: "./internal/repo", Run: "TestGit_RunsNothingThatTheRepositoryNames",
	},
	{ // a change of a file is hidden from the record of a release
		File: "internal/repo/commit.go", Old: `isHidden := fields[0] == "S" || unicode.IsLower(rune(fields[0][0]))`,
		New:     `isHidden := unicode.IsDigit(rune(fields[0][0]))`,
		Package: "./internal/repo", Run: "TestCommit_HiddenChangesAreSeen",
	},
	{ // an output is removed and stored outside of the repository, through a link
		File: "internal/host/store.go", Old: "if errors.As(err, &escape) {", New: `if errors.As(err, &escape) && out == "" {`,
		Package: "./internal/host", Run: "TestStep_LinkToOtherFilesIsNotStored|TestStep_OutputBehindALinkIsRefused",
	},
	{ // what a reviewer is not shown: a policy in another language
		File: "internal/deploy/risk/policy.go", Old: "if !slices.ContainsFunc(sortedKeys(v), holdsPolicy) {",
		New:     "if len(v) == 0 {",
		Package: "./internal/deploy/risk", Run: "TestPermissionFlags_PoliciesInOtherLanguages",
	},
	{ // a cancelled question how a bucket encrypts is taken for an answer
		File: "internal/deploy/staging/bucket.go", Old: "if !isAnswer {", New: `if !isAnswer && b.name == "" {`,
		Package: "./internal/deploy/staging", Run: "TestBucket_CancelledQuestionIsAskedAgain",
	},
}
