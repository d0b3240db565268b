package fault

import "slices"

// buildEntries are failures before anything is deployed: of the source, the build and the synthesis.
func buildEntries() []Entry {
	return slices.Concat(sourceEntries(), toolEntries(), assemblyEntries())
}

func sourceEntries() []Entry {
	return []Entry{
		{
			Code: NoRepository, Title: "no Git repository",
			Meaning:  "The command reads commits or hooks, and the folder belongs to no Git repository.",
			Causes:   []string{"an archive without history", "a container that was given the files alone"},
			Remedies: []string{"clone the repository with its history, or `git init`"},
			Messages: []string{"this is no Git repository, so there is nothing to hook into: `git init` makes one"},
		},
		{
			Code: SourceUnreadable, Title: "source files that cannot be read",
			Meaning: "A folder that may hold inputs of a step cannot be read, or a file changed while it was read.",
			Causes:  []string{"a folder that root in a container has made", "an editor or a build that runs at the same time"},
			Remedies: []string{
				"make the folder readable, or move it out of the project",
				"run it again when nothing else writes",
			},
			Messages: []string{
				"the folder … may have files that this reads, and cannot be read",
				"… changed while it was read",
			},
		},
		{
			Code: GitFailed, Title: "a Git command failed",
			Meaning:  "Git answered with an error, which the message quotes.",
			Causes:   []string{"a repository of another owner (safe.directory)", "a damaged or locked repository"},
			Remedies: []string{"run the same Git command by hand, and do what it says"},
		},
	}
}

func toolEntries() []Entry {
	return []Entry{
		{
			Code: ToolMissing, Title: "a program that this machine must have is missing or too old",
			Meaning:  "A step needs a program that Lockstep does not install itself: Go, Node.js, Python or Git.",
			Causes:   []string{"a new machine", "a PATH without the program", "an old version first on the PATH"},
			Remedies: []string{"`lockstep doctor` names what is missing, and how to get it"},
			Messages: []string{
				"… was not found on the PATH", "… is version …, too old",
			},
		},
		{
			Code: ToolNotInstalled, Title: "a pinned tool could not be installed",
			Meaning: "Lockstep installs the tools of its gates at pinned versions, and this installation failed.",
			Causes: []string{
				"a package registry that cannot be reached",
				"a proxy",
				"a full disk",
				"a hash that does not match",
			},
			Remedies: []string{
				"set the mirror or proxy of the registry (GOPROXY, npm and pip settings), and run it again",
				"`lockstep tools install NAME` shows the whole output",
			},
			Messages: []string{"… could not be installed"},
		},
		{
			Code: ToolBroken, Title: "a program does not work",
			Meaning:  "The program is there, and does not print its version or the result that was asked for.",
			Causes:   []string{"an incomplete installation", "a library that it needs is missing"},
			Remedies: []string{"run the command that the message shows; reinstall the program"},
			Messages: []string{"… does not work: …", "the drawing of … is no SVG of D2's"},
		},
		{
			Code: StepFailed, Title: "the command of a step failed",
			Meaning:  "The step's own command ended with another status than 0, or could not be started.",
			Causes:   []string{"what the command has printed last: the build does not compile, for example"},
			Remedies: []string{"read the end of its log, below the message or in the folder that `logs` names; fix that"},
			Messages: []string{"did not pass: …", "exit status …"},
		},
		{
			Code: StepOutput, Title: "a step without its output",
			Meaning:  "The command ended well without writing the output that the table declares.",
			Causes:   []string{"another output folder", "an output that is a link out of the project"},
			Remedies: []string{"fix the command or the table of steps"},
			Messages: []string{"ended well but did not make its output …"},
		},
		{
			Code: StepProcess, Title: "a step left a process behind",
			Meaning:  "The command ended well, and a process that it had started did not. A step ends with its processes.",
			Causes:   []string{"a background process", "a build daemon"},
			Remedies: []string{"let the command wait for what it starts, or turn its daemon off"},
			Messages: []string{"its command ended well, but a process that it had started …"},
		},
		{
			Code: ToolChanged, Title: "an installed tool that was changed",
			Meaning:  "A file of a tool is not the one that was installed, so it is not used.",
			Causes:   []string{"somebody or another program wrote into the folder of tools", "a disk that was full"},
			Remedies: []string{"remove the tool's folder, and run it again: it is installed again"},
			Messages: []string{"it is not the template of the pinned CDK"},
		},
		{
			Code: ImageRegistry, Title: "a registry of images cannot be used",
			Meaning:  "The registry of a base image cannot be reached, or gave another answer than an image.",
			Causes:   []string{"no route or no proxy to the registry", "a limit of anonymous pulls"},
			Remedies: []string{"name a mirror: `engine.imagePrefix` in config/pipeline.yaml, `--image-prefix` for Dagger"},
			Messages: []string{"the registry of … cannot be reached"},
		},
		{
			Code: ImageReference, Title: "an image that cannot be pinned",
			Meaning:  "The image has no digest, does not exist, may not be pulled, or lacks a platform.",
			Causes:   []string{"a tag that was deleted", "a private repository", "an image for one platform alone"},
			Remedies: []string{"choose another tag and run `lockstep images resolve --write`", "sign in to the registry"},
			Messages: []string{"image … is not pinned: write NAME:TAG@DIGEST", "there is no image …"},
		},
	}
}

func assemblyEntries() []Entry {
	return []Entry{
		{
			Code: SynthFailed, Title: "the CDK app failed",
			Meaning: "The app ended with an error before its cloud assembly was complete.",
			Causes:  []string{"an exception in the app", "a construct that refuses its properties"},
			Remedies: []string{
				"read the end of the step's log: the app's own error is there",
				"`lockstep synth` runs this step alone",
			},
		},
		{
			Code: AppError, Title: "the CDK app reports an error",
			Meaning:  "The app has written an error into its cloud assembly (Annotations.addError), so nothing is deployed.",
			Causes:   []string{"a rule of the app or of cdk-nag is not kept"},
			Remedies: []string{"fix what the message names; the path is that of the construct"},
			Messages: []string{"… the CDK app says: …"},
		},
		{
			Code: LookupsMissing, Title: "look-ups without an answer",
			Meaning: "The templates hold placeholders, because the app looks something up and synthesis has no credentials.",
			Causes:  []string{"cdk.context.json is not committed, or lacks the new look-up"},
			Remedies: []string{
				"run `lockstep context --env ENVIRONMENT --live`, commit cdk.context.json, and synthesise again",
				"rehearse: a rehearsal deploys the placeholders, and says so",
			},
			Messages: []string{"look-ups were not answered when it was synthesised"},
		},
		{
			Code: AssemblyMissing, Title: "no cloud assembly",
			Meaning:  "The folder is not there, or holds no manifest.",
			Causes:   []string{"nothing was synthesised yet", "--assembly names another folder", "the synthesis was cut off"},
			Remedies: []string{"run `lockstep synth`, or name the folder that `cdk synth` wrote"},
			Messages: []string{"there is no cloud assembly at …"},
		},
		{
			Code: AssemblyEmpty, Title: "a cloud assembly without a stack",
			Meaning:  "The app makes no stack for this environment.",
			Causes:   []string{"a condition in the app", "the environment's file chooses no plugin"},
			Remedies: []string{"check the file in config/environments, and the app"},
			Messages: []string{"the cloud assembly has no stack"},
		},
		{
			Code: AssemblyDamaged, Title: "a cloud assembly that contradicts itself",
			Meaning:  "The manifest cannot be parsed, names what is not there, or has a cycle.",
			Causes:   []string{"the synthesis was cut off", "a file was edited by hand", "stacks that need each other"},
			Remedies: []string{"synthesise again", "where stacks need each other, move the shared resource into a third one"},
			Messages: []string{"damaged JSON", "stacks need each other in a circle: …"},
		},
		{
			Code: AssemblySchema, Title: "a cloud assembly of a newer CDK",
			Meaning:  "The assembly has a name or a type of artefact that this version of Lockstep does not know.",
			Causes:   []string{"aws-cdk-lib was updated"},
			Remedies: []string{"update Lockstep, or synthesise with an older aws-cdk-lib"},
			Messages: []string{"…, of schema …, has …, which Lockstep does not know"},
		},
		{
			Code: AssetUnusable, Title: "an asset that cannot be published",
			Meaning:  "A file of the assembly is missing, is no regular file, or does not fit its packaging.",
			Causes:   []string{"the assembly was copied without its assets", "a link to a folder that holds it"},
			Remedies: []string{"synthesise again; copy the whole folder"},
			Messages: []string{"… is missing; synthesise again"},
		},
		{
			Code: AssetNotSupported, Title: "an asset of a kind that is not supported",
			Meaning: "The app has an asset that is not made of the files of the assembly alone. A command makes it, the build " +
				"of an image reads or writes other folders, or it is one of the LegacyStackSynthesizer.",
			Causes: []string{
				"an asset with an executable, in an assembly of `cdk synth`",
				"a DockerImageAsset with a build context, an output or a cache in a folder of the machine",
				"a DockerImageAsset with a cache that the builder would sign in to, or write in a registry",
			},
			Remedies: []string{
				"deploy without `--assembly`, so that Lockstep synthesises",
				"use a TarballImageAsset, or copy the files into the folder of the image",
				"use the CDK's DefaultStackSynthesizer",
			},
			Messages: []string{
				"… is made by a command (…), which runs only as a part of Lockstep's own synthesis",
				"it is made by a command (…), whose image would be in the builder of one machine and not in the assembly",
				"its build context … is …, which is not in the assembly",
				"its build has the cache …: only caches of the type registry are read, and only those of the type inline are " +
					"written",
				"its build takes the secret … as …, which builders could read in several ways",
				"… has assets of the LegacyStackSynthesizer",
			},
		},
		{
			Code: TemplateUnusable, Title: "a template that cannot be used",
			Meaning:  "The template is no JSON, or is too large to be sent.",
			Causes:   []string{"a synthesizer that publishes no template", "an edit in the assembly's folder"},
			Remedies: []string{"use the CDK's DefaultStackSynthesizer", "synthesise again"},
			Messages: []string{"it is not JSON: …", "there is text after its end"},
		},
		{
			Code: TooManyAssemblies, Title: "more cloud assemblies than diagrams can show",
			Meaning:  "The folder holds more cloud assemblies than fit, so nothing was drawn.",
			Causes:   []string{"a folder above many projects"},
			Remedies: []string{"name a folder with fewer of them"},
			Messages: []string{"there are … cloud assemblies, more than the … that fit in diagrams"},
		},
		{
			Code: AppUnknown, Title: "no CDK app is known",
			Meaning:  "Lockstep does not know which command runs the CDK app, or cannot read the files of the CDK.",
			Causes:   []string{"a repository without cdk.json", "an app in a folder that app.folder does not name"},
			Remedies: []string{"`lockstep init` finds the app, or write app.command into config/pipeline.yaml"},
			Messages: []string{"no command runs the CDK app: … has no `app`", "… cannot be read: …; fix the JSON"},
		},
		{
			Code: AppDependencies, Title: "packages of the CDK app are not installed",
			Meaning: "The app's packages are missing, or are not those of the lock file. They are yours to install, unless " +
				"app.install in config/pipeline.yaml says how.",
			Causes:   []string{"a new clone", "a lock file that has changed since the packages were installed"},
			Remedies: []string{"run the command that the message names, such as `npm ci`"},
			Messages: []string{
				"…: run `…`, or write it as app.install into config/pipeline.yaml",
				"the installed packages are not those of package-lock.json: … differs",
			},
		},
		{
			Code: ImageBuilder, Title: "no builder of container images",
			Meaning: "The app has a container image that is not in the account's repository yet. This machine has no program " +
				"that could build it, or one that does not answer. Nothing was written.",
			Causes: []string{"Docker is not installed, or its daemon does not run", "a container without Docker, as of Dagger"},
			Remedies: []string{
				"install Docker and start it, or name another builder: `export CDK_DOCKER=podman`",
				"let the app use a TarballImageAsset, whose image is built before the synthesis and is a part of the assembly",
			},
			Messages: []string{
				"it has to be built, and there is no … on this machine",
				"it has to be built, and … does not answer",
			},
		},
		{
			Code: ImageBuild, Title: "a container image could not be built",
			Meaning: "The builder has failed, or the image that it has built, or that the assembly has, cannot be read. " +
				"The end of the builder's own output is in the message.",
			Causes: []string{
				"an error in the Dockerfile", "a base image that cannot be pulled", "a builder that keeps no image",
			},
			Remedies: []string{
				"run the builder in the folder of the image to see its whole output",
				"sign in to the registry of the base image, or name a mirror in the builder's own configuration",
			},
			Messages: []string{"… build ended with status …", "… is no archive of an image, as `docker save` writes it"},
		},
		{
			Code: ImageSecret, Exit: exitRefused, Title: "a secret for the build of an image is not released",
			Meaning: "The build of a container image takes a secret of this machine, or its SSH agent. Nobody has released it " +
				"for builds, or it is not there.",
			Causes: []string{
				"`buildSecrets` or `buildSsh` of a DockerImageAsset", "an app of somebody else that asks for a key",
			},
			Remedies: []string{
				"name the variable or the file in `LOCKSTEP_BUILD_SECRETS`, separated as in PATH, if this app may have it",
			},
			Messages: []string{
				"its build takes the secret …, which is not released", "its build takes the secret …, which is not there",
			},
		},
	}
}
