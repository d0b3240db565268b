package mutants

import "slices"

// writes are the operations that the fence must know. A mutant for each of them lacks it.
var writes = []string{
	"CreateChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "DeleteStack", "UpdateTerminationProtection",
	"ContinueUpdateRollback", "SetStackPolicy", "PutObject", "DeleteObject",
}

// all returns every mutant.
func all() []Mutant {
	mutants := slices.Clone(table)
	for _, operation := range writes {
		mutants = append(mutants, Mutant{
			File: "internal/deploy/fence.go", Old: `"` + operation + `"`, New: `"Other"`,
			Package: "./internal/deploy", Run: ".",
		})
	}
	return mutants
}

// table is the mutants that stand alone.
var table = []Mutant{
	{
		File:    "internal/deploy/guard.go",
		Old:     "account := aws.ToString(id.Account); account != want.Account {",
		New:     "account := aws.ToString(id.Account); account == \"\" {",
		Package: "./internal/deploy", Run: ".",
	},
	{
		File:    "internal/deploy/guard.go",
		Old:     "account := aws.ToString(id.Account); account != s.target.Account {",
		New:     "account := aws.ToString(id.Account); account == \"\" {",
		Package: "./internal/deploy", Run: ".",
	},
	{
		File: "internal/deploy/guard.go",
		Old:  "have < want.Version {", New: "have < want.Version-1 {",
		Package: "./internal/deploy", Run: ".",
	},
	{
		File: "internal/deploy/guard.go",
		Old:  "have < want.Version {", New: "have <= want.Version {",
		Package: "./internal/deploy", Run: ".",
	},
	{
		File: "internal/deploy/dataloss.go",
		Old:  `fate == "Retain" || fate == "RetainExceptOnCreate" {`, New: `fate == "Retain" {`,
		Package: "./internal/deploy", Run: ".",
	},
	{
		File: "internal/host/key.go",
		Old:  `"env": step.Env, "outputs": step.Outputs,`, New: `"env": step.Env,`,
		Package: "./internal/host", Run: ".",
	},
	{
		File: "internal/pipeline/graph.go",
		Old:  "_ = enc.Encode(Images[s.Image])", New: "_ = enc.Encode(s.Image)",
		Package: "./internal/pipeline", Run: ".",
	},
	{
		File: "internal/pipeline/graph.go",
		Old:  ` || strings.HasPrefix(p, c.path+"/")`, New: "",
		Package: "./internal/pipeline", Run: ".",
	},
	{
		File: "internal/pipeline/graph.go",
		Old:  ` || strings.HasPrefix(c.path, p+"/")`, New: "",
		Package: "./internal/pipeline", Run: ".",
	},
	{
		File: "config/rules.go",
		Old:  "case env.After == env.Name:", New: "case env.After == \" \":",
		Package: "./config", Run: ".",
	},
	{
		File: "config/rules.go",
		Old:  "len(tags) > maxTags {", New: "len(tags) > maxTags+1 {",
		Package: "./config", Run: ".",
	},
	{
		File: "config/rules.go",
		Old:  "len(tags) > maxTags {", New: "len(tags) >= maxTags {",
		Package: "./config", Run: ".",
	},
	{
		File: "config/rules.go",
		Old:  "len(key) > maxKey ", New: "len(key) > maxKey+1 ",
		Package: "./config", Run: ".",
	},
	{
		File: "config/rules.go",
		Old:  "len(key) > maxKey ", New: "len(key) >= maxKey ",
		Package: "./config", Run: ".",
	},
	{
		File: "config/rules.go",
		Old:  "len(tags[key]) > maxValue:", New: "len(tags[key]) > maxValue+1:",
		Package: "./config", Run: ".",
	},
	{
		File: "config/rules.go",
		Old:  "len(tags[key]) > maxValue:", New: "len(tags[key]) >= maxValue:",
		Package: "./config", Run: ".",
	},
	{
		File: "config/rules.go",
		Old:  "len(value) > maxParameterLength:", New: "len(value) > maxParameterLength+1:",
		Package: "./config", Run: ".",
	},
	{
		File: "config/rules.go",
		Old:  "len(value) > maxParameterLength:", New: "len(value) >= maxParameterLength:",
		Package: "./config", Run: ".",
	},
}
