package fault

// gateEntries are gates that do not pass, and gates that could not be run, which is no pass either.
func gateEntries() []Entry {
	return []Entry{
		{
			Code: QualityFailed, Title: "a quality gate has findings",
			Meaning: "A linter, a formatter or another gate of the stage quality found something in the files.",
			Causes:  []string{"a change that does not keep the rules of the repository"},
			Remedies: []string{
				"`lockstep fix` corrects what programs can; `lockstep report` shows all findings",
				"a waiver, for a time",
			},
		},
		{
			Code: TestsFailed, Title: "tests failed",
			Meaning: "A test failed, or its package does not compile.",
			Causes: []string{
				"a change that breaks what the test holds",
				"a test that depends on time, order or the machine",
			},
			Remedies: []string{"`lockstep report` shows each failing test; `lockstep test` runs this stage alone"},
			Messages: []string{"did not pass: …"},
		},
		{
			Code: NoTestRan, Title: "no test ran",
			Meaning: "The program of the tests ended well without a test, although a file of the repository has one. That is " +
				"no pass. A repository without tests has no test gate to pass, and its result says so.",
			Causes:   []string{"a pattern that selects no test", "a build tag", "a build that skips its tests"},
			Remedies: []string{"fix the pattern, the tag or the build"},
			Messages: []string{"no test ran, although … has one: …"},
		},
		{
			Code: CoverageFloor, Title: "the coverage cannot be compared",
			Meaning:  "The profile of the tests, or the floor in tests/coverage.floor, cannot be read.",
			Causes:   []string{"an edit of the floor by hand", "a merge conflict in it"},
			Remedies: []string{"restore tests/coverage.floor from the last commit"},
			Messages: []string{"the coverage profile cannot be read: …", "the coverage floor cannot be read: …"},
		},
		{
			Code: SecurityFailed, Title: "a security scan has findings",
			Meaning: "A scanner found a vulnerability, a secret, or a setting that it refuses.",
			Causes:  []string{"a dependency with a known vulnerability", "a secret in a commit", "a waiver that has ended"},
			Remedies: []string{
				"update the dependency; replace a secret that was real, since deleting it from the files is not enough",
				"where neither is possible yet, add a waiver with an owner and a date; see [gates](gates.md)",
			},
		},
		{
			Code: WaiverExpired, Title: "a waiver has ended",
			Meaning:  "The date of a waiver in config/waivers.yaml is over, so it lets nothing through any more.",
			Causes:   []string{"what it let through was not fixed in time"},
			Remedies: []string{"fix what the waiver let through, or agree with its owner on a new date"},
			Messages: []string{"the waiver of … in … ended on …"},
		},
		{
			Code: GateNotRun, Title: "a gate could not be run",
			Meaning: "The gate could not reach what it needs. That is no pass: a run that is strict, live, with CI=true or " +
				"with --ci, fails.",
			Causes: []string{
				"a database of vulnerabilities that cannot be reached",
				"a shallow clone",
				"a program that is missing",
			},
			Remedies: []string{
				"open the way to its database, or name a copy of it; see [gates](gates.md)",
				"let it be absent in this environment (gates.mayBeAbsent)",
				"`--refresh` tries again within 15 minutes",
			},
			Messages: []string{"it could not reach what it needs"},
		},
		{
			Code: GateReport, Title: "the report of a gate cannot be read",
			Meaning:  "The gate's program printed something else than the report that was asked for.",
			Causes:   []string{"another version of the program", "a message of the program before its report"},
			Remedies: []string{"run the gate with --verbose and read what it prints"},
			Messages: []string{"its report cannot be read: it has no results", "it is no JUnit report"},
		},
		{
			Code: GateProgram, Title: "the program of a gate failed",
			Meaning:  "The program ended with an error and without a finding, so it has judged nothing.",
			Causes:   []string{"a wrong setting of the program", "too little memory"},
			Remedies: []string{"read the end of its log; the last line is in the message"},
			Messages: []string{"its program ended with status … but reported nothing"},
		},
		{
			Code: WorkflowOutdated, Title: "a pipeline file is not what the configuration says",
			Meaning: "A file of GitHub Actions, GitLab CI or CodeBuild is not what the configuration and the table of steps " +
				"say, so that service would run other steps.",
			Causes: []string{
				"the configuration or the version of Lockstep has changed since", "the file was edited by hand",
				"the repository had a file of that name before",
			},
			Remedies: []string{
				"run `lockstep workflows SERVICE --write` and commit what it writes",
				"move the jobs of a file of your own to another name, and remove it",
			},
			Messages: []string{
				"… is not what the configuration says: write it with `lockstep workflows … --write`",
				"… was not written by `lockstep workflows`",
			},
		},
	}
}
