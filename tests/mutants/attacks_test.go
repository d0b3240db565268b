package mutants

import "slices"

// attackMutants returns a mutant for the tests of each package. Each takes away what stops an attack of the page on
// attacks, whose test must then fail.
func attackMutants() []Mutant {
	var all []Mutant
	for _, m := range slices.Concat(attacks, accountAttacks, fileAttacks, rightAttacks, judgementAttacks) {
		all = append(all, m.perPackage()...)
	}
	return all
}

// attacks take away, one by one, what stops an attack.
var attacks = []Mutant{
	{
		Fault:   "a job applies another plan than the one that was approved",
		File:    "internal/pipeline/pipelines.go",
		Old:     `return []string{"--expect-assembly", "$" + expectedAssemblyVariable}`,
		New:     "return nil",
		Package: "./internal/pipeline", Fails: []string{"TestPipelines_LaterJobsExpectDigests"},
	},
	{
		Fault: "a live run believes another endpoint than that of AWS",
		File:  "internal/awsclient/endpoint.go", Old: "!IsAWSEndpoint(s.endpoint, partition)",
		New:     "partition == s.endpoint",
		Package: "./internal/rollout", Fails: []string{"TestLive_EndpointsAreThoseOfAWSUnlessNamed"},
	},
	{
		Fault: "a live run believes an endpoint without TLS",
		File:  "internal/awsclient/endpoint.go", Old: `err != nil || address.Scheme != "https"`, New: "err != nil",
		Package: "./internal/rollout", Fails: []string{"TestLive_EndpointsAreThoseOfAWSUnlessNamed"},
	},
	{
		Fault:   "the CDK app and the gates read the person's files",
		File:    "internal/host/confine.go",
		Old:     `env := []string{"HOME=" + home}`,
		New:     `env := []string{"HOME=" + m.home}`,
		Package: "./internal/host", Fails: []string{"TestStep_SeesNoRegistryTokenAndNoHome"},
	},
	{
		Fault: "a step sees the key that seals the results of all",
		File:  "internal/host/confine.go", Old: `below(m.cache, "lockstep", "tools")`, New: `below(m.cache, "lockstep")`,
		Package: "./internal/host", Fails: []string{"TestStep_DecidesNothingOfOtherSteps"},
	},
	{
		Fault: "a step finds the settings that an earlier one has left in its home",
		File:  "internal/host/confine.go", Old: `if entry.Name() != ".cache" || !entry.IsDir() {`,
		New:     `if entry.Name() == ".cache" {`,
		Package: "./internal/host", Fails: []string{"TestStep_DecidesNothingOfOtherSteps"},
	},
	{
		Fault: "nobody is asked where data and control go",
		File:  "internal/deploy/risk/destinations.go", Old: "if !r.isDestination(name) || mayBePolicy(v) {",
		New:     "if !r.isDestination(name) || v != resolve.Show(name) {",
		Package: "./internal/deploy/risk", Fails: []string{"TestPermissionFlags_WhereDataAndControlGo"},
	},
	{
		Fault:   "what AWS publishes of addresses does not count",
		File:    "internal/awsmodel/awsmodel.go",
		Old:     `return strings.Contains(pattern, "arn:") || addressFormats.MatchString(format)`,
		New:     `return pattern+format == "arn:"`,
		Package: "./internal/deploy/risk", Fails: []string{"TestIsDestination_EveryPropertyThatAWSPublishesAsReceiver"},
	},
	{
		Fault: "the approval of one plan counts for another",
		File:  "internal/deploy/ledger/plans.go", Old: "if a.PlanDigest != plan {", New: `if a.PlanDigest == "" {`,
		Package: "./tests/attacks",
		Fails:   []string{"TestRecords_GenuineOnesAreNotPutBack/the approval of another plan"},
	},
	{
		Fault: "a program reads a device that a link of the repository leads to",
		File:  "internal/gate/endless.go", Old: "info.Mode()&(fs.ModeNamedPipe|fs.ModeDevice) != 0",
		New:     "info.Mode()&fs.ModeSocket != 0",
		Package: "./internal/gate", Fails: []string{"TestGate_PipesAndDevicesAreNotGivenToPrograms"},
	},
	{
		Fault: "a clock that is set back makes waivers valid again",
		File:  "internal/gate/waivers.go", Old: "err == nil && commit.After(now)", New: "err != nil && commit.After(now)",
		Package: "./internal/gate", Fails: []string{"TestWaivers_ClockThatWasSetBackMakesNoneValid"},
	},
	{
		Fault: "the name of a file forges a line of a gate",
		File:  "internal/gate/findings/findings.go", Old: `fmt.Sprintf("%s:%d", display.Line(f.File), f.Line)`,
		New:     `fmt.Sprintf("%s:%d", f.File, f.Line)`,
		Package: "./internal/gate/findings", Fails: []string{"TestFinding_StringIsOneLine"},
	},
	{
		Fault: "committed state is known by one of its names alone",
		File:  "internal/repo/committed.go", Old: "return strings.EqualFold(visible, other)", New: "return visible == other",
		Package: "./internal/repo", Fails: []string{"TestCommittedState_FindsWhatACloneWouldBelieve"},
	},
	{
		Fault: "a comment in a file hides a secret",
		File:  "internal/pipeline/gates.go", Old: `"--redact=100", "--ignore-gitleaks-allow",`, New: `"--redact=100",`,
		Package: "./tests/gates", Fails: []string{"TestGates_RepositoryDecidesOnlyWhatTheReportNames"},
	},
	{
		Fault: "the settings that a gate's program takes from the repository are not named",
		File:  "internal/gate/overrides.go",
		Old:   "return slices.Concat(notes, skipped, comments), ", New: "return slices.Concat(skipped, comments), ",
		Package: "./tests/gates", Fails: []string{"TestGates_RepositoryDecidesOnlyWhatTheReportNames"},
	},
	{
		Fault: "a table of settings is known in one form alone",
		File:  "internal/gate/overrides.go", Old: `line > 0 || !isTable || filepath.Ext(file) != ".toml" {`,
		New:     `line > 0 || isTable || filepath.Ext(file) != "" {`,
		Package: "./internal/gate", Fails: []string{"TestLineOfSettings_KnowsATableInEveryForm"},
	},
	{
		Fault: "files that a program skips are not named",
		File:  "internal/gate/overrides.go", Old: "ListFiles(g.Root, g.Skips)", New: "ListFiles(g.Root, g.Skips[:0])",
		Package: "./internal/gate", Fails: []string{"TestGate_NamesFilesThatItsProgramSkips"},
	},
	{
		Fault: "a report of tests that is committed counts",
		File:  "internal/gate/java.go", Old: "err = errors.Join(err, root.RemoveAll(filepath.FromSlash(name)))",
		New:     "_ = name",
		Package: "./internal/gate", Fails: []string{"TestGate_CommittedReportOfTestsIsNotBelieved/Maven"},
	},
	{
		Fault: "packages that settings leave out are not missed",
		File:  "internal/gate/node.go", Old: "|| isThere(installed) {", New: `|| installed != "" {`,
		Package: "./internal/gate", Fails: []string{"TestMissingPackages_AreFindings"},
	},
	{
		Fault: "a lock file that Git ignores is not looked at",
		File:  "internal/pipeline/gates.go", Old: `"--no-ignore", "--allow-no-lockfiles"`, New: `"--allow-no-lockfiles"`,
		Package: "./tests/gates/osv", Fails: []string{"TestGate_RepositoryDecidesOnlyWhatTheReportNames"},
	},
	{
		Fault: "an installed tool was changed",
		File:  "tools/manifest.go", Old: "s.Mtim.Nano(), s.Ctim.Nano()", New: "0, 0",
		Package: "./tools", Fails: []string{"TestInstaller_ReinstallsDamagedTool"},
	},
	{
		Fault: "the bootstrap's template was changed",
		File:  "internal/bootstrap/apply.go", Old: "got != templateSum", New: "got == templateSum",
		Package: "./internal/bootstrap", Fails: []string{"TestLoadTemplate_RefusesAnotherTemplate"},
	},
	{
		Fault: "control characters in a record or a name reach the terminal, and markup a page",
		File:  "internal/display/display.go", Old: `func Line(text string) string { return escape(text, "", false) }`,
		New:     `func Line(text string) string { return escape(text, "\n\x1b", false) }`,
		Package: "./internal/report", Fails: []string{"TestViews_TextFromOutsideControlsNothing"},
	},
	{
		Fault: "dropping a plan deletes what a file names",
		File:  "internal/deploy/savedplan.go", Old: "!set.IsOf(place.Account, s.Name, run)",
		New:     `!set.IsOf(place.Account, s.Name, run) && run == ""`,
		Package: "./internal/deploy", Fails: []string{"TestDropPlan_DeletesOnlyItsOwnChangeSets"},
	},
	{
		Fault: "another user makes Lockstep end a process",
		File:  "internal/rehearsal/identity.go", Old: "case !identity.matches(record.Identity):",
		New:     "case !identity.matches(record.Identity) && record.PID == 0:",
		Package: "./internal/rehearsal", Fails: []string{"TestEmulator_OtherProcessIsNotEnded"},
	},
	{
		Fault: "a reviewer does not see a policy",
		File:  "internal/redact/redact.go", Old: "if HasPolicy(value) {", New: `if HasPolicy(value) && value == "" {`,
		Package: "./internal/redact", Fails: []string{"TestValue_NeverHidesOrCutsPolicies"},
	},
	{
		Fault:   "whoever approves has not read the plan",
		File:    "internal/cli/approve.go",
		Old:     `if file, ok := a.Stdin.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {`,
		New:     `if file, ok := a.Stdin.(*os.File); ok && !term.IsTerminal(int(file.Fd())) {`,
		Package: "./internal/cli", Fails: []string{"TestApprove_AsksForDigest"},
	},
	{
		Fault: "files are readable by everybody",
		File:  "internal/deploy/planfile/planfile.go",
		Old:   `fsx.WriteFile(project, path, append(data, '\n'), fsx.PrivateFile)`,
		New:   `fsx.WriteFile(project, path, append(data, '\n'), fsx.PublicFile)`, Package: "./internal/deploy/planfile",
		Fails: []string{"TestWrite_OnlyTheOwnerMayRead"},
	},
	{
		Fault:   "status ends well though an account could not be read",
		File:    "internal/deploy/history.go",
		Old:     "if !s.Unreadable {",
		New:     `if !s.Unreadable || s.Environment != "" {`,
		Package: "./internal/cli", Fails: []string{"TestStatus_FailsIfAnAccountCannotBeRead"},
	},
	{
		Fault:   "a job pulls any repository by the connection",
		File:    "infra/stacks/pipeline.go",
		Old:     `service + ":FullRepositoryId": b.Pipeline.Source.Repository, `,
		New:     "",
		Package: "./infra/stages", Fails: []string{"TestB1_ConnectionPullsOneRepository"},
	},
	{
		Fault: "a repository names the programs that Git runs",
		File:  "internal/repo/git.go", Old: `if command == "status" {`, New: `if command == "" {`,
		Package: "./internal/repo", Fails: []string{"TestGit_RunsNothingThatTheRepositoryNames"},
	},
	{
		Fault: "a partial clone fetches by any program",
		File:  "internal/repo/git.go", Old: `"GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=",`, New: "",
		Package: "./internal/repo", Fails: []string{"TestGit_RunsNothingThatTheRepositoryNames"},
	},
	{
		Fault: "a change of a file is hidden from the record of a release",
		File:  "internal/repo/commit.go", Old: `isHidden := fields[0] == "S" || unicode.IsLower(rune(fields[0][0]))`,
		New:     `isHidden := unicode.IsDigit(rune(fields[0][0]))`,
		Package: "./internal/repo", Fails: []string{"TestCommit_HiddenChangesAreSeen"},
	},
	{
		Fault:   "an output is removed and stored outside of the repository, through a link",
		File:    "internal/host/store.go",
		Old:     "if errors.As(err, &escape) {",
		New:     `if errors.As(err, &escape) && out == "" {`,
		Package: "./internal/host",
		Fails:   []string{"TestStep_LinkToOtherFilesIsNotStored", "TestStep_OutputBehindALinkIsRefused"},
	},
	{
		Fault: "what a reviewer is not shown: a policy in another language",
		File:  "internal/deploy/risk/policy.go", Old: "if !slices.ContainsFunc(sortedKeys(v), holdsPolicy) {",
		New:     "if len(v) == 0 {",
		Package: "./internal/deploy/risk", Fails: []string{"TestPermissionFlags_PoliciesInOtherLanguages"},
	},
	{
		Fault: "a cancelled question how a bucket encrypts is taken for an answer",
		File:  "internal/deploy/staging/bucket.go", Old: "if !isAnswer {", New: `if !isAnswer && b.name == "" {`,
		Package: "./internal/deploy/staging", Fails: []string{"TestBucket_CancelledQuestionIsAskedAgain"},
	},
}
