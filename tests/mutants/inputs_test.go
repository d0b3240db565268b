package mutants

// inputKinds are the kinds that are about what is read.
var inputKinds = []kind{
	{
		name: "A changed file is taken from the cache",
		mutants: []Mutant{
			{
				Fault:   "the time of change does not count",
				File:    "internal/host/stamp_linux.go",
				Old:     "s.Changed, s.Inode, s.Device = sys.Ctim.Nano(), sys.Ino",
				New:     "s.Changed, s.Inode, s.Device = 0, sys.Ino",
				Package: "./internal/host",
				Fails: []string{
					"TestIndex_NoticesChangeUnderOldTimes", "TestStamp_TellsFilesApart",
				},
			},
			{
				Fault:   "the inode does not count",
				File:    "internal/host/stamp_linux.go",
				Old:     "sys.Ino, sys.Dev",
				New:     "0, sys.Dev",
				Package: "./internal/host",
				Fails: []string{
					"TestStamp_TellsFilesApart",
				},
			},
			{
				Fault:   "a file as old as the index is believed",
				File:    "internal/host/index.go",
				Old:     ">= indexWritten",
				New:     "> indexWritten",
				Package: "./internal/host",
				Fails: []string{
					"TestIndex_ReadsAgainWhatIsNotOlderThanIndex/an index of the same time",
				},
			},
			{
				Fault:   "a file that was just written is believed",
				File:    "internal/host/index.go",
				Old:     "x.now().Add(-minStampAge)",
				New:     "x.now().Add(minStampAge)",
				Package: "./internal/host",
				Fails: []string{
					"TestIndex_DoesNotTrustYoungFile",
				},
			},
			{
				Fault:   "files are believed in CI and before `--live` too",
				File:    "internal/host/index.go",
				Old:     "&& !x.rereads",
				New:     "",
				Package: "./internal/host",
				Fails: []string{
					"TestIndex_RereadsWhereAsked",
				},
			},
			{
				Fault:   "a file that vanishes stops the step",
				File:    "internal/host/key.go",
				Old:     "case errors.Is(err, fs.ErrNotExist): // it was removed after it was listed",
				New:     "case false:",
				Package: "./internal/host",
				Fails: []string{
					"TestInputHashes_IgnoresFileThatVanished",
				},
			},
			{
				Fault:   "a pipe that a step has made is an input",
				File:    "internal/host/key.go",
				Old:     "if err == nil && info.Mode().IsRegular() {",
				New:     "if err == nil && !info.IsDir() {",
				Package: "./internal/host",
				Fails: []string{
					"TestInputHashes_DoesNotOpenPipes",
				},
			},
			{
				Fault:   "a pipe among the outputs is kept",
				File:    "internal/host/store.go",
				Old:     `			err = &outputError{fmt.Sprintf(format, file.Path, kindOf(mode))}`,
				New:     `			_ = fmt.Sprintf(format, file.Path, kindOf(mode))`,
				Package: "./internal/host",
				Fails: []string{
					"TestStep_PipeAmongOutputsFails",
				},
			},
			{
				Fault:   "a pipe is not replaced by a kept output",
				File:    "internal/host/store.go",
				Old:     "if err == nil && info.Mode().Type() != file.Mode.Type() {",
				New:     "if err == nil && info.IsDir() != file.Mode.IsDir() {",
				Package: "./internal/host",
				Fails: []string{
					"TestStore_RestoresOverPipe",
				},
			},
			{
				Fault:   "an output that exists is left as it is",
				File:    "internal/host/store.go",
				Old:     "if err == nil && s.isUnchanged(path, info, file) {",
				New:     "if err == nil && info.Mode().Type() == file.Mode.Type() {",
				Package: "./internal/host",
				Fails: []string{
					"TestCache_RestoresOutputsAndLog/a file was edited",
					"TestCache_RestoresOutputsAndLog/a file can be executed",
					"TestCache_RestoresOutputsAndLog/a link leads somewhere else",
					"TestCache_RestoresOutputsAndLog/the edited file is read-only",
				},
			},
			{
				Fault:   "other files stay among the outputs",
				File:    "internal/host/store.go",
				Old:     "s.removeUnlistedFiles(e.Files)",
				New:     "s.removeUnlistedFiles(nil)",
				Package: "./internal/host",
				Fails: []string{
					"TestCache_RestoreRemovesOtherFiles",
				},
			},
			{
				Fault:   "a result from the future counts",
				File:    "internal/host/store.go",
				Old:     "age < 0",
				New:     "age < -1<<62",
				Package: "./internal/host",
				Fails: []string{
					"TestCache_EntryFromFutureDoesNotCount",
				},
			},
			{
				Fault: "a link to a folder above is followed",
				File:  "internal/deploy/staging/assets.go",
				Old: "if slices.ContainsFunc(above, func(folder fs.FileInfo) bool { return " +
					"os.SameFile(folder, info) }) {",
				New:     "if len(above) > 50 {",
				Package: "./internal/deploy/staging",
				Fails: []string{
					"TestZipAsset_NamesWhatCannotBePacked/a link to its own folder",
					"TestZipAsset_NamesWhatCannotBePacked/a link to the asset",
					"TestZipAsset_NamesWhatCannotBePacked/many links to the asset",
					"TestZipAsset_NamesWhatCannotBePacked/folders that link to each other",
				},
			},
			{
				Fault: "the error of a link does not name it",
				File:  "internal/fsx/dir.go",
				Old: `	case linkErr == nil && (errors.Is(err, fs.ErrNotExist) || isLoop(err)):
`,
				New: `	case linkErr != nil && isLoop(err):
`,
				Package: "./internal/deploy/staging",
				Fails: []string{
					"TestZipAsset_NamesWhatCannotBePacked/a dangling link",
					"TestZipAsset_NamesWhatCannotBePacked/a link to itself",
					"TestZipAsset_NamesWhatCannotBePacked/two links to each other",
				},
			},
			{
				Fault: "links in an asset are left out",
				File:  "internal/deploy/staging/assets.go",
				Old: `	info, err := fs.Stat(files, from)
	if err != nil {
		return err
	}
	if !info.IsDir() {`,
				New: `	info, err := fs.Lstat(files, from)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return nil
	}
	if !info.IsDir() {`,
				Package: "./internal/deploy/staging",
				Fails: []string{
					"TestZipAsset_FollowsLinks",
				},
			},
		},
	},
	{
		name: "The wrong thing is read as the truth",
		mutants: []Mutant{
			{
				Fault: "the newest run that has a report is reported",
				File:  "internal/report/saved_run.go",
				Old:   `	return loadRun(filepath.Join(dir, entries[len(entries)-1].Name()))`,
				New: `	for _, entry := range slices.Backward(entries) {
		if r, err := loadRun(filepath.Join(dir, entry.Name())); err == nil {
			return r, nil
		}
	}
	return SavedRun{}, errNoRun`,
				Package: "./internal/report",
				Fails: []string{
					"TestLoadLastRun_LastRunHasNoResult/killed as it began",
					"TestLoadLastRun_LastRunHasNoResult/killed in the middle",
					"TestLoadLastRun_LastRunHasNoResult/killed while it was saved",
					"TestLoadLastRun_LastRunHasNoResult/still at work",
				},
			},
			{
				Fault:   "the number in the journal does not count",
				File:    "internal/deploy/ledger/releases.go",
				Old:     "if len(out) < journal.LatestRelease.Number {",
				New:     "if len(out) < journal.LatestRelease.Number-len(keys)-9 {",
				Package: "./internal/deploy",
				Fails: []string{
					"TestReleases_MissingNewestIsTampered/the newest",
					"TestReleases_MissingNewestIsTampered/the newest two",
					"TestReleases_MissingNewestIsTampered/all",
				},
			},
			{
				Fault:   "Git sees the variables of the caller",
				File:    "internal/repo/git.go",
				Old:     `		return slices.Contains(localVariables, name)`,
				New:     `		return name == "" && slices.Contains(localVariables, name)`,
				Package: "./internal/repo",
				Fails: []string{
					"TestCommit_IgnoresGitVariablesOfCaller",
				},
				OtherPackages: map[string][]string{
					"./internal/gate": {
						"TestGate_IgnoresGitDirOfCaller",
					},
				},
			},
			{
				Fault: "a folder of a larger repository is no repository",
				File:  "internal/repo/repo.go",
				Old: `	if strings.TrimSpace(prefix) == "" {
		return top, nil
	}`,
				New: `	if strings.TrimSpace(prefix) != "" {
		return "", ErrNotRepository
	}
	if top != "" {
		return top, nil
	}`,
				Package: "./internal/repo",
				Fails: []string{
					"TestCommit_ProjectInFolderOfRepository",
				},
				OtherPackages: map[string][]string{
					"./internal/gate": {
						"TestGate_ProjectInFolderOfRepository",
					},
				},
			},
			{
				Fault:   "files that Git does not know do not count",
				File:    "internal/repo/commit.go",
				Old:     "slices.ContainsFunc(untracked, isInput)",
				New:     "len(untracked) < 0",
				Package: "./internal/repo",
				Fails: []string{
					"TestCommit_PlusMarksOtherFiles/a new input",
				},
				OtherPackages: map[string][]string{
					"./internal/rollout": {
						"TestCurrentCommit_PlusMarksNewInput",
					},
				},
			},
			{
				Fault:   "every refusal of Git is a missing repository",
				File:    "internal/repo/git.go",
				Old:     `		return "", &GitError{Command: command, Message: message, Err: err}`,
				New:     `		return "", ErrNotRepository`,
				Package: "./internal/repo",
				Fails: []string{
					"TestCommit_SaysWhyGitRefuses",
				},
			},
			{
				Fault: "a file of another ending is passed over",
				File:  "config/load.go",
				Old: `	return extension != fileExtension &&
		(strings.EqualFold(extension, fileExtension) || strings.EqualFold(extension, similarExtensions))`,
				New:     `	return extension == similarExtensions`,
				Package: "./config",
				Fails: []string{
					"TestFiles_MisnamedFileIsReported/environments/acc.YAML",
					"TestFiles_MisnamedFileIsReported/environments/acc.Yml",
				},
			},
			{
				Fault: "a folder of an environment is passed over",
				File:  "config/load.go",
				Old: `	case entry.IsDir():
`,
				New: `	case entry.IsDir():
		return
	case false:
`,
				Package: "./config",
				Fails: []string{
					"TestFiles_MisnamedFileIsReported/environments/acc.yaml/x.yaml",
				},
			},
			{
				Fault:   "an editor's file is an environment",
				File:    "config/load.go",
				Old:     `if !strings.HasPrefix(entry.Name(), ".") {`,
				New:     "if true {",
				Package: "./config",
				Fails: []string{
					"TestFiles_EditorsFilesAreIgnored",
				},
			},
			{
				Fault:   "any endpoint is AWS",
				File:    "internal/awsclient/endpoint.go",
				Old:     `case own == "" && s.endpoint != "" && !IsAWSEndpoint(s.endpoint, partition):`,
				New:     `case own == "" && s.endpoint == "-":`,
				Package: "./internal/rollout",
				Fails: []string{
					"TestLive_EndpointsAreThoseOfAWSUnlessNamed/an emulator",
					"TestLive_EndpointsAreThoseOfAWSUnlessNamed/an emulator of one service",
					"TestLive_EndpointsAreThoseOfAWSUnlessNamed/an emulator in the profile",
					"TestLive_EndpointsAreThoseOfAWSUnlessNamed/a name that ends alike",
					"TestLive_EndpointsAreThoseOfAWSUnlessNamed/AWS without TLS",
				},
			},
			{
				Fault:   "an endpoint is called AWS",
				File:    "internal/report/summary.go",
				Old:     `	return endpoint + ", which is not AWS"`,
				New:     `	return "AWS"`,
				Package: "./internal/report",
				Fails: []string{
					"TestLines_NameTheEndpointThatIsNotAWS",
				},
			},
			{
				Fault:   "a failed command has no JSON",
				File:    "internal/cli/result.go",
				Old:     "case a.json && !isHelp(cmd, err):",
				New:     "case a.json && err == nil && !isHelp(cmd, err):",
				Package: "./internal/cli",
				Fails: []string{
					"TestExecute_EveryJSONResultHasTheEnvelope/doctor",
					"TestExecute_EveryJSONResultHasTheEnvelope/deploy --env nowhere",
					"TestExecute_EveryJSONResultHasTheEnvelope/graph --unknown",
				},
			},
			{
				Fault: "an event takes several lines",
				File:  "internal/report/observer.go",
				Old:   `	_ = j.enc.Encode(e)`,
				New: `	j.enc.SetIndent("", "  ")
	_ = j.enc.Encode(e)`,
				Package: "./internal/report",
				Fails: []string{
					"TestJSONObserver_OneEventPerLine",
				},
			},
			{
				Fault:   "a step sees the environment of the caller",
				File:    "internal/host/environ.go",
				Old:     "if isSecret || buildsWith || isInherited(name) || slices.Contains(buildVars, name) {",
				New:     `if isSecret || buildsWith || name != "" {`,
				Package: "./internal/host",
				Fails: []string{
					"TestStep_SeesOnlyDeclaredEnvironment",
				},
			},
			{
				Fault:   "a step that needs a failed one is started",
				File:    "internal/pipeline/schedule.go",
				Old:     "stops := result.Blocks() || !result.Passed() && slices.Contains(step.Needs, name)",
				New:     "stops := result.Status == Interrupted && slices.Contains(step.Needs, name)",
				Package: "./tests",
				Fails: []string{
					"TestDeploy_FailedEnvironmentStopsLaterOnes",
				},
			},
		},
	},
	{
		name: "What people write is misread",
		mutants: []Mutant{
			{
				Fault:   "any notation of a number is read",
				File:    "config/numbers.go",
				Old:     "if !decimalPattern.MatchString(text) {",
				New:     "if false {",
				Package: "./config",
				Fails: []string{
					"TestNumbers_OnlyPlainDecimalsAreRead/0500", "TestNumbers_OnlyPlainDecimalsAreRead/-0500",
					"TestNumbers_OnlyPlainDecimalsAreRead/0x1F4", "TestNumbers_OnlyPlainDecimalsAreRead/0o764",
					"TestNumbers_OnlyPlainDecimalsAreRead/0b11", "TestNumbers_OnlyPlainDecimalsAreRead/1_000",
					"TestNumbers_OnlyPlainDecimalsAreRead/.inf",
				},
			},
			{
				Fault:   "text that looks like a number is one",
				File:    "config/numbers.go",
				Old:     `case accepts(wanted, "string"):`,
				New:     "case wanted == nil:",
				Package: "./config",
				Fails: []string{
					"TestNumbers_TextKeepsItsDigits",
				},
			},
			{
				Fault:   "a byte order mark is a part of the first key",
				File:    "config/document.go",
				Old:     "text = bytes.TrimPrefix(text, byteOrderMark)",
				New:     "_ = bytes.TrimPrefix(text, byteOrderMark)",
				Package: "./config",
				Fails: []string{
					"TestDocument_ByteOrderMarkIsAccepted",
				},
			},
			{
				Fault:   "every problem is at the beginning of its file",
				File:    "config/document.go",
				Old:     `	return position{t.Position.Line, t.Position.Column}`,
				New:     `	return position{1, 1}`,
				Package: "./config",
				Fails: []string{
					"TestLoad_ProblemsHavePositionAndHint/an unquoted account id",
					"TestLoad_ProblemsHavePositionAndHint/an unknown key",
					"TestLoad_ProblemsHavePositionAndHint/a wrong type",
				},
			},
			{
				Fault:   "no name is suggested",
				File:    "config/problem.go",
				Old:     "closestMatch(e.Name, e.Known); near",
				New:     "closestMatch(e.Name, nil); near",
				Package: "./config",
				Fails: []string{
					"TestSelect_UnknownEnvironmentSuggestsClosest",
				},
			},
			{
				Fault:   "a wrong command line ends like a failure",
				File:    "main.go",
				Old:     "errors.As(err, &unknown), errors.As(err, &usage):",
				New:     "errors.As(err, &unknown), errors.As(err, &usage) && usage == nil:",
				Package: "./tests", Run: "^TestCommandLine$/^usage$",
				Fails: []string{
					"TestCommandLine/usage",
				},
			},
		},
	},
}
