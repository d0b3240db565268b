package mutants

import "slices"

// writes are the operations that the fence must not take for reads. A mutant for each of them does.
var writes = []string{
	"CreateChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "DeleteStack", "UpdateTerminationProtection",
	"ContinueUpdateRollback", "SetStackPolicy", "PutObject", "DeleteObject",
}

// all returns every mutant.
func all() []Mutant {
	mutants := slices.Concat(table, attackMutants())
	for _, k := range append(kinds(), awsKind()) {
		mutants = append(mutants, k.mutants...)
	}
	for _, operation := range writes {
		mutants = append(mutants, Mutant{
			File: "internal/awsclient/fence.go", Old: `"Validate"}`, New: `"Validate", "` + operation + `"}`,
			Package: "./internal/awsclient", Run: "TestFence",
		})
	}
	return mutants
}

// table holds every mutant. Whoever writes a test because a mutant survived adds the mutant here.
var table = []Mutant{
	{
		File:    "internal/awsclient/guard.go",
		Package: "./internal/awsclient", Run: "TestCheckCaller_RefusesOtherAccount|TestOpenSessions_RefusesOtherAccount",
		Old: "if account := aws.ToString(id.Account); account != want.Account {",
		New: `if account := aws.ToString(id.Account); account == "" {`,
	},
	{
		File:    "internal/awsclient/sessions.go",
		Fault:   "a role of another account is worked with",
		Package: "./internal/awsclient", Fails: []string{"TestSessions_RefuseRoleOfOtherAccount"},
		Old: "if account := aws.ToString(id.Account); account != want {",
		New: `if account := aws.ToString(id.Account); account == "" {`,
	},
	{
		File:    "internal/deploy/readiness/bootstrap.go",
		Package: "./internal/deploy", Run: "TestReadiness_BootstrapVersion",
		Old: "if version < want.Version {",
		New: "if version < want.Version-1 {",
	},
	{
		File:    "internal/deploy/readiness/bootstrap.go",
		Package: "./internal/deploy", Run: "TestReadiness_BootstrapVersion",
		Old: "if version < want.Version {",
		New: "if version <= want.Version {",
	},
	{
		File:    "internal/awsclient/fence.go",
		Package: "./internal/awsclient", Run: "TestFence_OnlyReadsOfCloudFormationPassUnasked",
		Old: `"Describe", "Detect", "Estimate", "Get", "Head", "List", "Simulate", "Validate"}`,
		New: `"Describe", "Detect", "Estimate", "Get", "Head", "List", "SetStackPolicy", "Simulate", "Validate"}`,
	},
	{
		File:    "internal/awsclient/fence.go",
		Package: "./internal/awsclient", Run: "TestFence_OnlyReadsOfS3PassUnasked",
		Old: `"Describe", "Detect", "Estimate", "Get", "Head", "List", "Simulate", "Validate"}`,
		New: `"Describe", "Detect", "DeleteObject", "Estimate", "Get", "Head", "List", "Simulate", "Validate"}`,
	},
	{
		File:    "internal/awsclient/fence.go",
		Package: "./internal/awsclient", Run: "TestFence_AsksBeforeEveryWrite",
		Old: "guard == nil || call == nil || isRead(middleware.GetOperationName(ctx)) ||",
		New: "guard == nil || call == nil || !isRead(middleware.GetOperationName(ctx)) ||",
	},
	{
		File:    "internal/deploy/risk/dataloss.go",
		Package: "./internal/deploy/risk", Run: "TestDataLossFlags_FollowRetention",
		Old: `if policy == "Retain" || policy == "RetainExceptOnCreate" {`,
		New: `if policy == "Retain" {`,
	},
	{
		File:    "internal/deploy/risk/grants.go",
		Fault:   "what is denied no more is no more access",
		Package: "./internal/deploy/risk", Fails: []string{"TestPermissionFlags_StatementsInEveryForm"},
		Old: "		case limits, implied:\n", New: "		case limits, implied, fixed:\n",
	},
	{
		File:    "internal/deploy/resolve/resolve.go",
		Fault:   "a condition that cannot be known is taken to hold",
		Package: "./internal/deploy/risk", Fails: []string{"TestPermissionFlags_PrincipalsInEveryForm"},
		Old: "for _, holds := range []bool{true, false} {",
		New: "for _, holds := range []bool{true} {",
	},
	{
		File:    "internal/deploy/cfn/state.go",
		Package: "./internal/deploy/cfn", Run: "TestStates_ExistUnlessDeleted",
		Old: "if row.Status != types.StackStatusDeleteComplete {",
		New: "if row.Status != types.StackStatusDeleteComplete && row.Status != types.StackStatusCreateFailed {",
	},
	{
		File:    "internal/pipeline/graph.go",
		Package: "./internal/pipeline", Run: "TestGraph_Digest",
		Old: "_ = enc.Encode(images[s.Image])",
		New: "_ = images[s.Image]",
	},
	{
		File:    "internal/pipeline/graph.go",
		Package: "./internal/pipeline", Run: "TestGraph_Digest",
		Old: "_ = enc.Encode(s)",
		New: "_ = s",
	},
	{
		File:    "internal/pipeline/graph.go",
		Package: "./internal/pipeline", Run: "TestGraph_Digest",
		Old: "return digestSteps(g.steps, Images)",
		New: "return digestSteps(g.steps, nil)",
	},
	{
		File:    "internal/pipeline/graph.go",
		Package: "./internal/pipeline", Run: "TestNewGraph",
		Old: `|| strings.HasPrefix(c.path, p+"/")`,
		New: "|| false",
	},
	{
		File:    "internal/pipeline/graph.go",
		Package: "./internal/pipeline", Run: "TestNewGraph",
		Old: `|| strings.HasPrefix(p, c.path+"/")`,
		New: "|| false",
	},
	{
		File:    "internal/pipeline/graph.go",
		Package: "./internal/pipeline", Run: "TestNewGraph",
		Old: "if p == c.path ||",
		New: "if false ||",
	},
	{
		File:    "internal/pipeline/graph.go",
		Package: "./internal/pipeline", Run: "TestNewGraph",
		Old: `strings.HasPrefix(p, c.path+"/")`,
		New: "strings.HasPrefix(p, c.path)",
	},
	{
		File:    "internal/pipeline/buildspec.go",
		Package: "./internal/pipeline", Run: "TestBuildspec_Quotes",
		Old: "words[i] = `\"` + variable + `\"` + quoted",
		New: "words[i] = `\"` + word + `\"`",
	},
	{
		File:    "internal/pipeline/buildspec.go",
		Package: "./internal/pipeline", Run: "TestBuildspec_Quotes",
		Old: "words[i] = quoted",
		New: "words[i] = word",
	},
	{
		File:    "config/rules.go",
		Package: "./config", Run: "TestPredecessors",
		Old: "case env.After == env.Name:",
		New: "case false:",
	},
	{
		File:    "config/rules.go",
		Package: "./config", Run: "TestTags",
		Old: "n > awsrules.MaxTags-libraryTags",
		New: "n > awsrules.MaxTags-libraryTags+1",
	},
	{
		File:    "config/rules.go",
		Package: "./config", Run: "TestTags",
		Old: "n > awsrules.MaxTags-libraryTags",
		New: "n >= awsrules.MaxTags-libraryTags",
	},
	{
		File:    "config/rules.go",
		Package: "./config", Run: "TestTags",
		Old: "slices.Concat(keys[i+1:], others)",
		New: "keys[i+1:]",
	},
	{
		File:    "config/rules.go",
		Package: "./config", Run: "TestTags",
		Old: `var productTags = []string{"environment", "project"}`,
		New: `var productTags = []string{"project"}`,
	},
	{
		File:    "config/awsrules/tags.go",
		Package: "./config", Run: "TestTags",
		Old: "MaxTags           = 50",
		New: "MaxTags           = 51",
	},
	{
		File:    "config/awsrules/tags.go",
		Package: "./config/awsrules", Run: ".",
		Old: "MaxTagKeyLength   = 128",
		New: "MaxTagKeyLength   = 129",
	},
	{
		File:    "config/awsrules/tags.go",
		Package: "./config/awsrules", Run: ".",
		Old: "MaxTagKeyLength   = 128",
		New: "MaxTagKeyLength   = 127",
	},
	{
		File:    "config/awsrules/tags.go",
		Package: "./config/awsrules", Run: ".",
		Old: "MaxTagValueLength = 256",
		New: "MaxTagValueLength = 257",
	},
	{
		File:    "config/awsrules/tags.go",
		Package: "./config/awsrules", Run: ".",
		Old: "MaxTagValueLength = 256",
		New: "MaxTagValueLength = 255",
	},
	{
		File:    "config/awsrules/tags.go",
		Package: "./config/awsrules", Run: ".",
		Old: "switch n := utf8.RuneCountInString(key); {",
		New: "switch n := len(key); {",
	},
	{
		File:    "config/awsrules/tags.go",
		Package: "./config/awsrules", Run: ".",
		Old: "n := utf8.RuneCountInString(value)",
		New: "n := len(value)",
	},
	{
		File:    "config/awsrules/tags.go",
		Package: "./config", Run: "TestTags",
		Old: `strings.HasPrefix(strings.ToLower(key), "aws:")`,
		New: `strings.HasPrefix(key, "aws:")`,
	},
	{
		File:    "config/awsrules/tags.go",
		Package: "./config/awsrules", Run: ".",
		Old: "key != other && strings.EqualFold(key, other)",
		New: "strings.EqualFold(key, other)",
	},
	{
		File:    "config/awsrules/tags.go",
		Package: "./config/awsrules", Run: ".",
		Old: `"_.:/=+-@"`,
		New: `"_.:/=+-@&"`,
	},
	{
		File:    "config/awsrules/ssm.go",
		Package: "./config/awsrules", Run: ".",
		Old: "maxParameterLevels = 15",
		New: "maxParameterLevels = 16",
	},
	{
		File:    "config/awsrules/ssm.go",
		Package: "./config/awsrules", Run: ".",
		Old: "maxParameterLevels = 15",
		New: "maxParameterLevels = 14",
	},
	{
		File:    "config/awsrules/ssm.go",
		Package: "./config/awsrules", Run: ".",
		Old: "maxParameterARNLength   = 1011",
		New: "maxParameterARNLength   = 1012",
	},
	{
		File:    "config/awsrules/ssm.go",
		Package: "./config/awsrules", Run: ".",
		Old: "maxParameterARNLength   = 1011",
		New: "maxParameterARNLength   = 1010",
	},
	{
		File:    "config/awsrules/ssm.go",
		Package: "./config/awsrules", Run: ".",
		Old: "maxParameterValueLength = 4096",
		New: "maxParameterValueLength = 4097",
	},
	{
		File:    "config/awsrules/ssm.go",
		Package: "./config/awsrules", Run: ".",
		Old: "switch n := utf8.RuneCountInString(value); {",
		New: "switch n := len(value); {",
	},
	{
		File:    "config/awsrules/ssm.go",
		Package: "./config/awsrules", Run: ".",
		Old: `case strings.Contains(value, "{{"):`,
		New: `case strings.Contains(value, "{{{{"):`,
	},
	{
		File:    "config/numbers.go",
		Package: "./config", Run: "TestNumbers",
		Old: "if !decimalPattern.MatchString(text) {",
		New: "if false {",
	},
	{
		File:    "config/numbers.go",
		Package: "./config", Run: "TestNumbers",
		Old: "math.Abs(number) > maxInteger",
		New: "math.Abs(number) > 1e9*maxInteger",
	},
	{
		File:    "config/document.go",
		Package: "./config", Run: "TestDocument",
		Old: "text = bytes.TrimPrefix(text, byteOrderMark)",
		New: "_ = bytes.TrimPrefix(text, byteOrderMark)",
	},
	{
		File:    "config/numbers.go",
		Package: "./config", Run: "TestNumbers",
		Old: "!isPlain || !numericPattern.MatchString(text) {",
		New: `!isPlain || text != "" {`,
	},
	{
		File:    "config/load.go",
		Package: "./config", Run: "TestFiles",
		Old: `if !strings.HasPrefix(entry.Name(), ".") {`,
		New: "if true {",
	},
	{
		File:    "config/load.go",
		Package: "./config", Run: "TestFiles",
		Old: "strings.EqualFold(extension, similarExtensions)",
		New: "extension == similarExtensions",
	},
	{
		File:    "config/load.go",
		Package: "./config", Run: "TestFiles",
		Old: "case entry.IsDir():",
		New: "case false:",
	},
	{
		File:    "config/load.go",
		Package: "./config", Run: "TestFiles",
		Old: "if !l.findMisnamedFile(file) {",
		New: "if true {",
	},
	{
		File:    "internal/host/key.go",
		Package: "./internal/host", Run: "TestCacheKey_Changes",
		Old: `"outputs": slices.Concat(step.Outputs, step.Installs),`,
		New: "",
	},
	{
		File:    "internal/host/stamp_linux.go",
		Package: "./internal/host", Run: "TestIndex_NoticesChangeUnderOldTimes",
		Old: "s.Changed, s.Inode, s.Device = sys.Ctim.Nano(), sys.Ino",
		New: "s.Changed, s.Inode, s.Device = 0, sys.Ino",
	},
	{
		File:    "internal/host/index.go",
		Package: "./internal/host", Run: "TestIndex_ReadsAgainWhatIsNotOlderThanIndex",
		Old: ">= indexWritten",
		New: "> indexWritten",
	},
	{
		File:    "internal/host/index.go",
		Package: "./internal/host", Run: "TestIndex_RereadsWhereAsked",
		Old: "&& !x.rereads",
		New: "",
	},
	{
		File:    "internal/host/store.go",
		Package: "./internal/host", Run: "TestCache_EntryFromFutureDoesNotCount",
		Old: "age < 0",
		New: "age < -1<<62",
	},
	{
		File:    "internal/process/output.go",
		Package: "./internal/process", Run: "TestLineWriter",
		Old: "min(len(text), MaxLineBytes-len(w.pending))",
		New: "len(text)",
	},
	{
		File:    "internal/host/lines.go",
		Package: "./internal/host", Run: "TestTail_ReadsEndOnly",
		Old: "min(size, maxTailBytes)",
		New: "size",
	},
	{
		File:    "internal/repo/git.go",
		Package: "./internal/repo", Run: "TestCommit_IgnoresGitVariablesOfCaller",
		Old: "return slices.Contains(localVariables, name)",
		New: `return name == "" && slices.Contains(localVariables, name)`,
	},
	{
		File:    "internal/repo/commit.go",
		Package: "./internal/repo", Run: "TestCommit_PlusMarksOtherFiles",
		Old: "slices.ContainsFunc(untracked, isInput)",
		New: "len(untracked) < 0",
	},
	{
		File:    "internal/pipeline/schedule.go",
		Package: "./internal/pipeline", Run: "TestScheduler",
		Old: "skipped.Tolerated && result.Blocks()",
		New: "false",
	},
	{
		File:    "internal/fsx/write.go",
		Package: "./internal/fsx", Run: "TestWriteFile_FollowsLinks",
		Old: "target, err := Resolve(name)",
		New: "target, err := name, error(nil)",
	},
}
