package mutants

import "slices"

// writes are the operations that the fence must know of. A mutant of the fence's list for each lacks it.
var writes = []string{
	"CreateChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "DeleteStack", "UpdateTerminationProtection", "ContinueUpdateRollback", "SetStackPolicy",
	"PutObject", "DeleteObject",
}

// all returns every mutant.
func all() []Mutant {
	mutants := slices.Clone(table)
	for _, operation := range writes {
		mutants = append(mutants, Mutant{
			Name: "a fence that does not know " + operation, File: "internal/deploy/fence.go", Old: `"` + operation + `"`, New: `"Other"`,
			Package: "./internal/deploy", Run: ".",
		})
	}
	return mutants
}

// table is the mutants that stand alone.
var table = []Mutant{
	{
		Name: "the caller's account is not compared", File: "internal/deploy/guard.go",
		Old: "account := aws.ToString(id.Account); account != want.Account {", New: "account := aws.ToString(id.Account); account == \"\" {",
		Package: "./internal/deploy", Run: ".",
	},
	{
		Name: "the assumed role's account is not compared", File: "internal/deploy/guard.go",
		Old: "account := aws.ToString(id.Account); account != s.target.Account {", New: "account := aws.ToString(id.Account); account == \"\" {",
		Package: "./internal/deploy", Run: ".",
	},
	{
		Name: "a bootstrap that is one version too old passes", File: "internal/deploy/guard.go",
		Old: "have < want.Version {", New: "have < want.Version-1 {",
		Package: "./internal/deploy", Run: ".",
	},
	{
		Name: "a bootstrap of exactly the version is refused", File: "internal/deploy/guard.go",
		Old: "have < want.Version {", New: "have <= want.Version {",
		Package: "./internal/deploy", Run: ".",
	},
	{
		Name: "RetainExceptOnCreate does not count as retained", File: "internal/deploy/dataloss.go",
		Old: `fate == "Retain" || fate == "RetainExceptOnCreate" {`, New: `fate == "Retain" {`,
		Package: "./internal/deploy", Run: ".",
	},
	{
		Name: "the cache key leaves out the outputs", File: "internal/host/key.go",
		Old: `"env": step.Env, "outputs": step.Outputs,`, New: `"env": step.Env,`,
		Package: "./internal/host", Run: ".",
	},
	{
		Name: "the graph's digest leaves out the image's digest", File: "internal/pipeline/graph.go",
		Old: "_ = enc.Encode(Images[s.Image])", New: "_ = enc.Encode(s.Image)",
		Package: "./internal/pipeline", Run: ".",
	},
	{
		Name: "an output in a folder that another step writes is not seen", File: "internal/pipeline/graph.go",
		Old: ` || strings.HasPrefix(p, c.path+"/")`, New: "",
		Package: "./internal/pipeline", Run: ".",
	},
	{
		Name: "a folder around an output of another step is not seen", File: "internal/pipeline/graph.go",
		Old: ` || strings.HasPrefix(c.path, p+"/")`, New: "",
		Package: "./internal/pipeline", Run: ".",
	},
	{
		Name: "an environment after itself passes", File: "config/rules.go",
		Old: "case env.After == env.Name:", New: "case env.After == \" \":",
		Package: "./config", Run: ".",
	},
	{
		Name: "a tag more than there may be passes", File: "config/rules.go",
		Old: "len(tags) > maxTags {", New: "len(tags) > maxTags+1 {",
		Package: "./config", Run: ".",
	},
	{
		Name: "as many tags as there may be are refused", File: "config/rules.go",
		Old: "len(tags) > maxTags {", New: "len(tags) >= maxTags {",
		Package: "./config", Run: ".",
	},
	{
		Name: "a tag's key that is too long passes", File: "config/rules.go",
		Old: "len(key) > maxKey ", New: "len(key) > maxKey+1 ",
		Package: "./config", Run: ".",
	},
	{
		Name: "a tag's longest key is refused", File: "config/rules.go",
		Old: "len(key) > maxKey ", New: "len(key) >= maxKey ",
		Package: "./config", Run: ".",
	},
	{
		Name: "a tag's value that is too long passes", File: "config/rules.go",
		Old: "len(tags[key]) > maxValue:", New: "len(tags[key]) > maxValue+1:",
		Package: "./config", Run: ".",
	},
	{
		Name: "a tag's longest value is refused", File: "config/rules.go",
		Old: "len(tags[key]) > maxValue:", New: "len(tags[key]) >= maxValue:",
		Package: "./config", Run: ".",
	},
	{
		Name: "a parameter that is too long passes", File: "config/rules.go",
		Old: "len(value) > maxParameterLength:", New: "len(value) > maxParameterLength+1:",
		Package: "./config", Run: ".",
	},
	{
		Name: "the longest parameter is refused", File: "config/rules.go",
		Old: "len(value) > maxParameterLength:", New: "len(value) >= maxParameterLength:",
		Package: "./config", Run: ".",
	},
}
