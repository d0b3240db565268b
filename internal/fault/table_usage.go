package fault

// usageEntries are command lines that cannot be understood. Nothing has begun.
func usageEntries() []Entry {
	return []Entry{
		{
			Code: UnknownCommand, Exit: exitUsage, Title: "no such command",
			Meaning:  "The first words name no command.",
			Causes:   []string{"a typing error", "a command of another version of Lockstep"},
			Remedies: []string{"`lockstep --help` lists all commands; the message lists those of a group"},
			Messages: []string{"there is no command …; `lockstep --help` lists them all"},
		},
		{
			Code: UnknownFlag, Exit: exitUsage, Title: "a flag that the command does not have",
			Meaning:  "A flag is unknown to this command, lacks its value, or has one of the wrong type.",
			Causes:   []string{"a typing error", "a flag of another command"},
			Remedies: []string{"`lockstep COMMAND --help` shows the flags of the command"},
		},
		{
			Code: FlagValue, Exit: exitUsage, Title: "a value that a flag does not take",
			Meaning:  "The value of a flag, or of the variable that replaces it, is not one of those it takes.",
			Causes:   []string{"a typing error", "a variable of the environment that is left from something else"},
			Remedies: []string{"write one of the values that the message lists"},
		},
		{
			Code: FlagMissing, Exit: exitUsage, Title: "a flag that is needed is missing",
			Meaning:  "The command cannot guess what the flag says: which environment, plan, holder or tool is meant.",
			Causes:   []string{"the flag was left out", "a variable in a script was empty"},
			Remedies: []string{"add the flag that the message names"},
		},
		{
			Code: FlagConflict, Exit: exitUsage, Title: "flags that exclude each other",
			Meaning:  "Two flags ask for different things, or name the same file for two.",
			Causes:   []string{"a script that always adds a flag"},
			Remedies: []string{"leave out one of the two that the message names"},
		},
		{
			Code: UnwantedArgument, Exit: exitUsage, Title: "an argument too many or too few",
			Meaning:  "The command takes another number of arguments.",
			Causes:   []string{"the environment is written without --env", "a path with a blank that is not in quotes"},
			Remedies: []string{"`lockstep COMMAND --help` shows what the command takes"},
		},
		{
			Code: NoProject, Exit: exitUsage, Title: "no project here",
			Meaning: "Neither this folder nor one above it holds config/pipeline.yaml.",
			Causes:  []string{"the command was started in another folder", "a job of CI that did not check the project out"},
			Remedies: []string{
				"change to the project's folder, or name it with -C",
				"in the repository of a CDK app that has no configuration yet, `lockstep init` writes one",
			},
			Messages: []string{"no … in … or above it; change to the project's folder or name it with -C"},
		},
		{
			Code: NoSuchPath, Exit: exitUsage, Title: "no such file or folder",
			Meaning:  "A file or folder of the command line does not exist, or lies outside the project.",
			Causes:   []string{"a typing error", "a path that is relative to another folder"},
			Remedies: []string{"fix the path; with -C, relative paths start in the folder that -C names"},
		},
		{
			Code: OutputPath, Exit: exitUsage, Title: "a file that must not be replaced",
			Meaning:  "The file to be written exists and is not one that Lockstep writes, so it was left as it is.",
			Causes:   []string{"the name of an input was given as the name of the output"},
			Remedies: []string{"write another name, or remove the file"},
			Messages: []string{"… the file is there and is …"},
		},
		{
			Code: UnknownName, Exit: exitUsage, Title: "a name that is not known",
			Meaning:  "There is no account, tool, schema or code of that name.",
			Causes:   []string{"a typing error"},
			Remedies: []string{"write one of the names that the message lists"},
		},
		{
			Code: UnknownEnvironment, Exit: exitUsage, Title: "no such environment",
			Meaning:  "No file in config/environments has that name.",
			Causes:   []string{"a typing error", "the file is on another branch"},
			Remedies: []string{"write one of the names that the message lists, or add the file"},
			Messages: []string{"there is no environment …; config/environments has …"},
		},
	}
}

// configEntries are problems of the configuration, which are all shown at once. Nothing has begun.
func configEntries() []Entry {
	return []Entry{
		{
			Code: ConfigSyntax, Exit: exitUsage, Title: "a configuration file that is not plain YAML",
			Meaning: "The file cannot be parsed at that line and column, or uses what is not allowed here: anchors, " +
				"aliases, tags, several documents.",
			Causes:   []string{"indentation", "a tab", "a value with a colon that is not in quotes"},
			Remedies: []string{"fix the line; `lockstep config validate` shows all problems at once"},
			Messages: []string{"is not UTF-8 text", "anchors, aliases and tags are not used here"},
		},
		{
			Code: ConfigUnreadable, Exit: exitUsage, Title: "a configuration file that is missing or not readable",
			Meaning:  "The file does not exist, has another ending than .yaml, is a folder, or cannot be opened.",
			Causes:   []string{"the file was not committed", "it ends with .yml", "its owner or mode"},
			Remedies: []string{"create, rename or make readable the file that is named"},
			Messages: []string{"ends with … and would be ignored", "holds no environment"},
		},
		{
			Code: ConfigKey, Exit: exitUsage, Title: "an unknown key",
			Meaning:  "The schema has no such key there. It is refused because a misspelt setting would do nothing.",
			Causes:   []string{"a typing error", "the key belongs to another mapping", "a key of a newer Lockstep"},
			Remedies: []string{"take the key that the message suggests; `lockstep config schema` describes all"},
			Messages: []string{"unknown key …"},
		},
		{
			Code: ConfigValue, Exit: exitUsage, Title: "a value that is not allowed",
			Meaning:  "The value has another type, form or range than the schema or the AWS service takes.",
			Causes:   []string{"a number without quotes where text is wanted, such as an account id", "a limit of AWS"},
			Remedies: []string{"write what the message says after its semicolon"},
			Messages: []string{"… is a number, not text"},
		},
		{
			Code: ConfigMissing, Exit: exitUsage, Title: "a key that is needed is missing",
			Meaning:  "The mapping lacks a key that has no default.",
			Causes:   []string{"a new environment that was copied in part"},
			Remedies: []string{"add the key; the message says what it holds, with an example"},
		},
		{
			Code: ConfigConflict, Exit: exitUsage, Title: "values that contradict each other",
			Meaning: "Each value is allowed, but not together with others: two environments in one account, a cycle of " +
				"promotions, a protected environment without an approval.",
			Causes:   []string{"a change in one file that another file has to follow"},
			Remedies: []string{"change one of the two values; the message names both"},
			Messages: []string{
				"environments are promoted in a cycle: …", "… is protected, but its releases need no approval",
			},
		},
		{
			Code: ConfigSecret, Exit: exitUsage, Title: "a secret in a parameter",
			Meaning:  "The value of a parameter looks like a key or a token. Parameters are readable in the account.",
			Causes:   []string{"a secret was pasted where its name belongs"},
			Remedies: []string{"put it into Secrets Manager and its ARN here", "replace the secret if it was real"},
			Messages: []string{"… looks like a secret"},
		},
		{
			Code: ConfigSteps, Exit: exitFailed, Title: "steps that do not fit together",
			Meaning: "The table of steps contradicts itself. It has a step twice, a need that is no step, a cycle, or an " +
				"output that two steps write.",
			Causes:   []string{"a step of the repository's own in config/pipeline.yaml", "a change of internal/pipeline"},
			Remedies: []string{"fix the step that is named; `lockstep graph` draws the rest"},
			Messages: []string{"the steps need each other in a cycle: …", "step … waits for …, which is no step"},
		},
	}
}
