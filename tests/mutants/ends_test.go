package mutants

// outputKinds are the kinds that are about what is written and said, and about how a run ends.
var outputKinds = []kind{
	{
		name: "Output and secrets",
		mutants: []Mutant{
			{
				Fault:   "names do not count",
				File:    "internal/redact/redact.go",
				Old:     `	case isSecretName(name) && !isHarmless(value):`,
				New:     `	case name == "" && !isHarmless(value):`,
				Package: "./internal/redact",
				Fails: []string{
					"TestValue_HidesSecrets/name of an output", "TestValue_HidesSecrets/name of a property",
					"TestValue_HidesSecrets/snake case", "TestValue_HidesSecrets/api key",
					"TestValue_HidesSecrets/last segment of a path",
				},
			},
			{
				Fault:   "what is inside of a text does not count",
				File:    "internal/redact/redact.go",
				Old:     `	return hideInText(value, 0)`,
				New:     `	return value`,
				Package: "./internal/redact",
				Fails: []string{
					"TestValue_HidesSecrets/key in JSON", "TestValue_HidesSecrets/JSON in JSON",
					"TestValue_HidesSecrets/URL", "TestValue_HidesSecrets/query",
					"TestValue_HidesSecrets/export", "TestValue_HidesSecrets/AWS access key",
					"TestValue_HidesSecrets/PEM",
				},
			},
			{
				Fault: "policies are hidden and cut",
				File:  "internal/redact/redact.go",
				Old: `	if isPolicy(value) {
		return display.Line(value)
	}
	shown := display.Line(hideSecrets(name, value))
	if HasPolicy(value) {
		return shown
	}`,
				New:     `	shown := display.Line(hideSecrets(name, value))`,
				Package: "./internal/redact",
				Fails: []string{
					"TestValue_NeverHidesOrCutsPolicies/document",
					"TestValue_NeverHidesOrCutsPolicies/statement",
					"TestValue_NeverHidesOrCutsPolicies/list of statements",
					"TestValue_NeverHidesOrCutsPolicies/inline policies",
				},
			},
			{
				Fault:   "a line break in a value begins a line",
				File:    "internal/redact/redact.go",
				Old:     `	shown := display.Line(hideSecrets(name, value))`,
				New:     `	shown := hideSecrets(name, value)`,
				Package: "./internal/redact",
				Fails: []string{
					"TestValue_IsOneLineAndSaysWhatIsCut",
				},
			},
			{
				Fault:   "an output that is made from a parameter with `NoEcho` is shown",
				File:    "internal/deploy/cfn/state.go",
				Old:     "if want.Template.OutputIsSecret(key) || slices.ContainsFunc(secrets, holdsSecret) {",
				New:     "if slices.ContainsFunc(secrets, holdsSecret) {",
				Package: "./internal/deploy/cfn",
				Fails: []string{
					"TestStackOutputs_HideWhatIsMadeFromNoEcho",
				},
			},
		},
	},
	{
		name: "Where files are written",
		mutants: []Mutant{
			{
				Fault:   "a plan may be called plan.md",
				File:    "internal/cli/outfile.go",
				Old:     `if strings.EqualFold(filepath.Ext(path), ".md") {`,
				New:     `if path == "" {`,
				Package: "./internal/cli",
				Fails: []string{
					"TestPlanFile_NeverSharesItsMarkdown",
				},
			},
			{
				Fault:   "a plan may share the Markdown of another one",
				File:    "internal/cli/outfile.go",
				Old:     "err == nil && kind == planOut {",
				New:     "err == nil && kind == markdownOut {",
				Package: "./internal/cli",
				Fails: []string{
					"TestPlanFile_NeverSharesItsMarkdown",
				},
			},
			{
				Fault:   "a file of any kind is replaced",
				File:    "internal/cli/outfile.go",
				Old:     `	case isEmpty, found == f.kind, found == "" && f.kind == textOut:`,
				New:     `	case isEmpty, err == nil:`,
				Package: "./internal/cli",
				Fails: []string{
					"TestOutFiles_ReplaceNoFileOfAnotherKind/a record over a plan",
					"TestOutFiles_ReplaceNoFileOfAnotherKind/a plan over a plan's Markdown",
					"TestOutFiles_ReplaceNoFileOfAnotherKind/a SARIF report over a configuration",
					"TestOutFiles_ReplaceNoFileOfAnotherKind/a plan over ",
					"TestOutFiles_ReplaceNoFileOfAnotherKind/a text report over any other file",
				},
			},
			{
				Fault: "two paths of one file are two files",
				File:  "internal/cli/outfile.go",
				Old: `		path := realPath(f.path)
`,
				New: `		path := f.path
`,
				Package: "./internal/cli",
				Fails: []string{
					"TestOutFiles_OneRunWritesOnePathOnce/plan.json and ./plan.json",
					"TestOutFiles_OneRunWritesOnePathOnce/plan.json and same/plan.json",
					"TestOutFiles_OneRunWritesOnePathOnce/plan.json and same/plan.md",
				},
			},
			{
				Fault:   "a link is replaced",
				File:    "internal/fsx/write.go",
				Old:     "target, err := Resolve(name)",
				New:     "target, err := name, error(nil)",
				Package: "./internal/fsx",
				Fails: []string{
					"TestWriteFile_FollowsLinks", "TestWriteFile_AppendsToOpenFile",
				},
			},
			{
				Fault: "a pipe is replaced",
				File:  "internal/fsx/write.go",
				Old: `	case info.Mode()&(fs.ModeNamedPipe|fs.ModeDevice) != 0:
		return writeStream(target, data)
	case !info.Mode().IsRegular():
		return newNotFileError("write", name, info.Mode())
	default:`,
				New:     `	default:`,
				Package: "./internal/fsx",
				Fails: []string{
					"TestWriteFile_WritesToPipe", "TestWriteFile_RefusesFolderAndSocket",
				},
			},
			{
				Fault:   "a plan is readable for everybody",
				File:    "internal/deploy/planfile/planfile.go",
				Old:     `append(data, '\n'), fsx.PrivateFile)`,
				New:     `append(data, '\n'), fsx.PublicFile)`,
				Package: "./internal/deploy/planfile",
				Fails: []string{
					"TestWrite_OnlyTheOwnerMayRead",
				},
			},
			{
				Fault: "the paths of flags do not begin at the folder of `-C`",
				File:  "internal/cli/command.go",
				Old: `			a.resolvePaths(cmd.Flags())
`,
				New:     "",
				Package: "./internal/cli",
				Fails: []string{
					"TestDirectory_FlagsWithPathsAreRelativeToIt/lockstep plan --out",
					"TestDirectory_FlagsWithPathsAreRelativeToIt/lockstep deploy --plan",
					"TestDirectory_FlagsWithPathsAreRelativeToIt/lockstep deploy --record",
					"TestDirectory_FlagsWithPathsAreRelativeToIt/lockstep report --out",
				},
			},
			{
				Fault:   "the files of arguments do not begin at the folder of `-C`",
				File:    "internal/cli/check.go",
				Old:     "filepath.Abs(inFolder(dir, file))",
				New:     "filepath.Abs(file)",
				Package: "./internal/cli",
				Fails: []string{
					"TestDirectory_FilesToCheckAreRelativeToIt",
				},
			},
			{
				Fault:   "a flag with an empty value counts as left out",
				File:    "internal/cli/command.go",
				Old:     `f.Value.String() == "" && f.Name != "note"`,
				New:     `f.Value.String() == "" && f.Name == ""`,
				Package: "./internal/cli",
				Fails: []string{
					"TestFlags_AreRefusedWhenEmpty/lockstep deploy --plan",
					"TestFlags_AreRefusedWhenEmpty/lockstep plan --out",
					"TestFlags_AreRefusedWhenEmpty/lockstep deploy --endpoint",
					"TestFlags_AreRefusedWhenEmpty/lockstep deploy --env",
				},
			},
			{
				Fault:   "a comment may be of any length",
				File:    "internal/report/plan_markdown.go",
				Old:     "if len(title)+len(body)+len(footer) <= maxBytes {",
				New:     "if len(body) >= 0 {",
				Package: "./internal/report",
				Fails: []string{
					"TestPlanMarkdown_FitsIntoComment/1,500 changes",
					"TestPlanMarkdown_FitsIntoComment/letters of several bytes",
					"TestPlanMarkdown_FitsIntoComment/one value beyond the limit",
				},
			},
		},
	},
	{
		name: "A local error is reported as a dead network",
		mutants: []Mutant{
			{
				Fault: "the error of a file is that of the call around it",
				File:  "internal/awsclient/classify.go",
				Old: `	_, ok := fsx.FileOf(err)
	return ok || fsx.IsDescriptorLimit(err)`,
				New:     `	return fsx.IsDescriptorLimit(err)`,
				Package: "./internal/awsclient",
				Fails: []string{
					"TestErrors_OfThisMachineAreNotUnreachable/no such file or directory",
					"TestErrors_OfThisMachineAreNotUnreachable/permission denied",
					"TestErrors_OfThisMachineAreNotUnreachable/no space left on device",
					"TestErrors_OfThisMachineAreNotUnreachable/too many levels of symbolic links",
					"TestErrors_OfThisMachineAreNotUnreachable/is a directory",
				},
			},
			{
				Fault: "every failed request is silence",
				File:  "internal/awsclient/classify.go",
				Old: `	return isNetworkError(err) || isCutOff(err)
`,
				New: `	var network net.Error
	return errors.As(err, &network) || isNetworkError(err) || isCutOff(err)
`,
				Package: "./internal/awsclient",
				Fails: []string{
					"TestErrors_OfRequestsThatCannotBeSent/access key with a line break",
					"TestErrors_OfRequestsThatCannotBeSent/session token with a line break",
					"TestErrors_OfRequestsThatCannotBeSent/proxy asks for a password",
				},
			},
			{
				Fault:   "no connection is no silence",
				File:    "internal/awsclient/classify.go",
				Old:     "return errors.As(err, &operation) || errors.As(err, &name) ||",
				New:     `return errors.As(err, &operation) && operation.Op == "" || errors.As(err, &name) ||`,
				Package: "./internal/awsclient",
				Fails: []string{
					"TestErrors_OfTheNetworkAreUnreachable/ECONNREFUSED",
					"TestErrors_OfTheNetworkAreUnreachable/ENETUNREACH",
					"TestErrors_OfTheNetworkAreUnreachable/EHOSTUNREACH",
				},
			},
			{
				Fault: "no error says what to do",
				File:  "internal/awsclient/errors.go",
				Old: `	if found.text != "" {
`,
				New: `	if found.text == "-" {
`,
				Package: "./internal/awsclient",
				Fails: []string{
					"TestErrors_OfAWSSayWhatToDo/clock", "TestErrors_OfAWSSayWhatToDo/secret",
					"TestErrors_OfAWSSayWhatToDo/expired", "TestErrors_OfAWSSayWhatToDo/another region",
					"TestErrors_OfAWSSayWhatToDo/throttled",
				},
			},
		},
	},
	{
		name: "Ends that are no ends",
		mutants: []Mutant{
			{
				Fault:   "SIGHUP ends the program at once",
				File:    "signals.go",
				Old:     "syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT,",
				New:     "syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT,",
				Package: "./tests/faults",
				Fails: []string{
					"TestSignals_RandomMoments", "TestFault_SignalsOnEmulator",
				},
			},
			{
				Fault:   "a lost reader ends the program",
				File:    "signals.go",
				Old:     "syscall.SIGPIPE) // if",
				New:     "syscall.SIGWINCH) // if",
				Package: "./tests/faults",
				Fails: []string{
					"TestSignals_RandomMoments",
				},
			},
			{
				Fault:   "a holder that is gone is not known to be",
				File:    "internal/deploy/ledger/liveness.go",
				Old:     "return err == nil && locked",
				New:     "return err == nil && locked && h.PID == 0",
				Package: "./tests/faults",
				Fails: []string{
					"TestFault_KilledAtRandomMoments",
				},
			},
			{
				Fault: "a missing file says that a holder is gone",
				File:  "internal/deploy/ledger/liveness.go",
				Old: `	if !hasLivenessFile(h) {
		return false
	}`,
				New: `	if !hasLivenessFile(h) {
		return h.Host == Host()
	}`,
				Package: "./internal/deploy",
				Fails: []string{
					"TestLock_TakenOverOnlyFromDeadHolder/this machine, whose heartbeat file does not exist",
					"TestLock_TakenOverOnlyFromDeadHolder/this machine, the heartbeat file of another run",
				},
			},
			{
				Fault:   "a held lock is taken",
				File:    "internal/deploy/ledger/lock.go",
				Old:     "if heartbeatAge < Lease && !isDead(*holder) {",
				New:     "if heartbeatAge < 0 && !isDead(*holder) {",
				Package: "./tests/faults",
				Fails: []string{
					"TestFault_ConcurrentDeployments",
				},
			},
			{
				Fault: "a result that cannot be written is no error",
				File:  "internal/cli/command.go",
				Old:   "return joinWriteError(err, a.writeResult(cmd, err))",
				New: `_ = a.writeResult(cmd, err)
	return err`,
				Package: "./internal/cli",
				Fails: []string{
					"TestExecute_ResultThatCannotBeWrittenIsAnErrorOnce/status",
					"TestExecute_ResultThatCannotBeWrittenIsAnErrorOnce/status --json",
					"TestExecute_ResultThatCannotBeWrittenIsAnErrorOnce/config show",
					"TestExecute_ResultThatCannotBeWrittenIsAnErrorOnce/graph",
					"TestExecute_ResultThatCannotBeWrittenIsAnErrorOnce/tools list",
				},
			},
			{
				Fault:   "an error is said twice",
				File:    "internal/cli/command.go",
				Old:     "if err != nil && strings.Contains(err.Error(), writeErr.Error()) {",
				New:     "if false {",
				Package: "./internal/cli",
				Fails: []string{
					"TestJoinWriteError",
				},
			},
			{
				Fault:   "a line may be of any length",
				File:    "internal/process/output.go",
				Old:     "min(len(text), MaxLineBytes-len(w.pending))",
				New:     "len(text)",
				Package: "./internal/process",
				Fails: []string{
					"TestLineWriter/a long line", "TestLineWriter_EndlessLineTakesLittleMemory",
				},
			},
			{
				Fault:   "the whole of a log is read for its end",
				File:    "internal/host/lines.go",
				Old:     "min(size, maxTailBytes)",
				New:     "size",
				Package: "./internal/host",
				Fails: []string{
					"TestTail_ReadsEndOnly",
				},
			},
			{
				Fault: "what a command leaves is left",
				File:  "internal/process/process.go",
				Old: `	killed := signalGroup(cmd, syscall.SIGKILL) == nil // mostly the group is empty
	if mark != "" &&`,
				New: `	killed := false
	if mark == "-" &&`,
				Package: "./internal/host", Hangs: true,
				Fails: []string{
					"TestStep_BackgroundChildIsKilled",
				},
			},
			{
				Fault:   "what has left its group is left",
				File:    "internal/process/process.go",
				Old:     `	if mark != "" && KillMarked`,
				New:     `	if mark == "-" && KillMarked`,
				Package: "./internal/host", Hangs: true,
				Fails: []string{
					"TestStep_NoProcessOutlivesIt",
				},
			},
			{
				Fault:   "what a killed run has left is left",
				File:    "internal/host/process.go",
				Old:     "return err == nil && !locked",
				New:     "return err == nil && locked && !found",
				Package: "./internal/host", Hangs: true,
				Fails: []string{
					"TestRunner_KillsStrayProcessesOfKilledRuns",
				},
			},
			{
				Fault: "a pipe is opened like a file",
				File:  "internal/fsx/open.go",
				Old: `	case err == nil && !info.Mode().IsRegular(): // opening a device may have effects
		return nil, newNotFileError("open", name, info.Mode())
	}
	file, err := os.OpenFile(name, flag|syscall.O_NONBLOCK, perm)
	if err != nil {
		return nil, err
	}
	return requireRegular(file, name)`,
				New: `	}
	_ = info
	return os.OpenFile(name, flag|syscall.O_NONBLOCK, perm)`,
				Package: "./internal/cli",
				Fails: []string{
					"TestExecute_NeverWaitsForAPipe/a plan", "TestExecute_NeverWaitsForAPipe/a plan to drop",
					"TestExecute_NeverWaitsForAPipe/a plan to approve",
					"TestExecute_NeverWaitsForAPipe/results",
				},
			},
			{
				Fault:   "a pipe in an assembly is read",
				File:    "internal/deploy/assembly/digest.go",
				Old:     "case !entry.Type().IsRegular() && !entry.IsDir():",
				New:     "case entry.IsDir() && entry.Type().IsRegular():",
				Package: "./internal/deploy/assembly", Run: "^TestRead_RefusesWhatIsNoFile$/^a_(pipe|socket)_in_an_asset$",
				Fails: []string{
					"TestRead_RefusesWhatIsNoFile/a pipe in an asset",
					"TestRead_RefusesWhatIsNoFile/a socket in an asset",
				},
			},
			{
				Fault:   "a stack whose creation failed is left to a person",
				File:    "internal/deploy/cfn/state.go",
				Old:     "types.StackStatusRollbackComplete, NeedsDelete,",
				New:     "types.StackStatusRollbackComplete, NeedsHuman,",
				Package: "./internal/deploy",
				Fails: []string{
					"TestPlan_DefersStacksThatNeedRepair",
					"TestStates_EveryStatusHasActionOrRefusal/ROLLBACK_COMPLETE",
					"TestStates_EveryStatusHasActionOrRefusal/ROLLBACK_IN_PROGRESS",
				},
			},
		},
	},
	{
		name: "A stuck run cannot be ended",
		mutants: []Mutant{
			{
				Fault: "the second signal does nothing",
				File:  "signals.go",
				Old: `			exit()
`,
				New:     "",
				Package: ".",
				Fails: []string{
					"TestHandleSignals_SecondOneEndsAtOnce/SIGINT twice",
					"TestHandleSignals_SecondOneEndsAtOnce/SIGINT twice closely",
					"TestHandleSignals_SecondOneEndsAtOnce/SIGTERM after SIGHUP",
					"TestHandleSignals_SecondOneEndsAtOnce/SIGHUP twice",
				},
			},
			{
				Fault: "a folder that cannot be read stops the listing",
				File:  "internal/repo/files.go",
				Old: `			listing.Unreadable[name] = err
			return fs.SkipDir`,
				New:     `			return err`,
				Package: "./internal/repo",
				Fails: []string{
					"TestWalk_ReportsUnreadableFolder",
				},
			},
			{
				Fault:   "a folder that cannot be read stops every step",
				File:    "internal/repo/files.go",
				Old:     "if pipeline.CanMatchBelow(patterns, dir) {",
				New:     `if dir != "" {`,
				Package: "./internal/host",
				Fails: []string{
					"TestInputHashes_UnreadableFolderStopsStepsThatReadIt",
				},
			},
			{
				Fault:   "every pattern matches in every folder",
				File:    "internal/pipeline/match.go",
				Old:     `for i, name := range strings.Split(dir, "/") {`,
				New:     `for i, name := range strings.Split("", "/") {`,
				Package: "./internal/pipeline",
				Fails: []string{
					"TestCanMatchBelow",
				},
			},
			{
				Fault:   "the folder of the state is not named with what to do",
				File:    "internal/host/store.go",
				Old:     `return nil, fmt.Errorf("the cache: %w", tools.ExplainWriteError(dir, err))`,
				New:     `return nil, fmt.Errorf("the cache: %w", err)`,
				Package: "./internal/host",
				Fails: []string{
					"TestStateDir_CannotBeWritten", "TestStateDir_FolderOfAnotherUser",
				},
			},
			{
				Fault:   "`doctor` looks at another folder",
				File:    "internal/cli/doctor.go",
				Old:     "if err := tryWriteBelow(dir); err != nil {",
				New:     "if err := tryWriteBelow(filepath.Dir(dir)); err != nil {",
				Package: "./internal/cli",
				Fails: []string{
					"TestDoctor_ChecksStateFolder/a file in its place",
					"TestDoctor_ChecksStateFolder/a link that leads nowhere",
				},
			},
		},
	},
	{
		name: "Nothing to do costs time",
		mutants: []Mutant{
			{
				Fault:   "a gate that could not reach anything is tried every time",
				File:    "internal/host/unreachable.go",
				Old:     "return age >= 0 && age < unreachableTTL",
				New:     "return age < 0",
				Package: "./internal/host",
				Fails: []string{
					"TestUnreachableGate_IsNotTriedAgainForAWhile", "TestUnreachableGate_RefreshRemembersAgain",
					"TestUnreachableGate_ToolThatCannotBeInstalled",
				},
			},
			{
				Fault:   "`--refresh` does nothing",
				File:    "internal/host/middleware.go",
				Old:     "if r.Refresh || !r.cachesUnreachable() {",
				New:     "if !r.cachesUnreachable() {",
				Package: "./internal/host",
				Fails: []string{
					"TestUnreachableGate_IsTriedAgainAtOnce/with --refresh",
					"TestUnreachableGate_IsForgottenOnceItRan",
				},
			},
			{
				Fault:   "gates are not tried in CI and before `--live` either",
				File:    "internal/host/middleware.go",
				Old:     "return !r.NoCache && !r.rereadsFiles()",
				New:     "return true",
				Package: "./internal/host",
				Fails: []string{
					"TestUnreachableGate_IsTriedAgainAtOnce/with --no-cache",
					"TestUnreachableGate_IsTriedAgainAtOnce/with --live",
					"TestUnreachableGate_IsTriedAgainAtOnce/with CI=true",
					"TestUnreachableGate_IsNotRemembered/of --no-cache",
					"TestUnreachableGate_IsNotRemembered/of --live",
					"TestUnreachableGate_IsNotRemembered/of CI=true",
				},
			},
			{
				Fault:   "a gate that ran is still counted as unreachable",
				File:    "internal/host/unreachable.go",
				Old:     "case known && result.Status != pipeline.Interrupted:",
				New:     "case known && result.Status == pipeline.Interrupted:",
				Package: "./internal/host",
				Fails: []string{
					"TestUnreachableGate_IsForgottenOnceItRan",
				},
			},
		},
	},
}
