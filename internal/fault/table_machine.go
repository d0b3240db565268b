package fault

import "slices"

// machineEntries are failures of the rehearsal, of this machine, and of what earlier runs left on it.
func machineEntries() []Entry {
	return slices.Concat(rehearsalEntries(), fileEntries(), runEntries())
}

func rehearsalEntries() []Entry {
	return []Entry{
		{
			Code: RehearsalInUse, Title: "the emulated accounts are in use",
			Meaning:  "A deployment uses them, or they run in another way than this command needs.",
			Causes:   []string{"another terminal rehearses", "`rehearsal start` on another port"},
			Remedies: []string{"wait until it has ended, or `lockstep rehearsal stop`"},
			Messages: []string{"a deployment uses the emulated accounts at this moment"},
		},
		{
			Code: PortTaken, Title: "the port of the emulated accounts is taken",
			Meaning:  "Another program listens on the port, or on a fixed one that the emulator needs.",
			Causes:   []string{"another emulator", "a web server on port 443"},
			Remedies: []string{"end that program, or `lockstep rehearsal start --port` with another one"},
			Messages: []string{"port … is taken by another program"},
		},
		{
			Code: EmulatorFailed, Title: "the emulator does not start, answer or end",
			Meaning:  "The emulated accounts could not be used. Nothing was rehearsed.",
			Causes:   []string{"too little memory", "an installation that is incomplete", "a state folder that is damaged"},
			Remedies: []string{"read the log that is named", "`lockstep rehearsal reset` begins with empty accounts"},
			Messages: []string{"the emulator does not load:", "the emulator ended as soon as it was started"},
		},
		{
			Code: EmulatorUnknown, Title: "a process that cannot be recognised as the emulator",
			Meaning:  "The process that the record names is another one, so it is not ended.",
			Causes:   []string{"the machine was started again", "the record was copied from another machine"},
			Remedies: []string{"end the process that listens on the port, then run it again"},
			Messages: []string{"process … is not the emulator that was started at …"},
		},
		{
			Code: EmulatorRemote, Title: "emulated accounts elsewhere that cannot be used",
			Meaning:  "The accounts that LOCKSTEP_REHEARSAL names do not answer, or have another configuration.",
			Causes:   []string{"`rehearsal serve` does not run there", "it was started with another commit"},
			Remedies: []string{"start `lockstep rehearsal serve` there again with this configuration"},
			Messages: []string{"the emulated accounts at … do not answer"},
		},
		{
			Code: EmulatorTemplate, Title: "a template that cannot be rehearsed",
			Meaning:  "The rehearsed copy of a template could not be made.",
			Causes:   []string{"nested stacks that refer to each other", "a macro that refuses what it should expand"},
			Remedies: []string{"fix what the message names; CloudFormation refuses it too"},
			Messages: []string{
				"nested stacks refer to each other in a circle", "the macros that it declares refuse it: …",
			},
		},
		{
			Code: RehearsalOnly, Exit: exitRefused, Title: "a command for emulated accounts alone",
			Meaning:  "A rehearsal of a recovery begins with deleting everything, so it never works on AWS.",
			Causes:   []string{"--live at `lockstep rehearsal recovery`"},
			Remedies: []string{"leave --live out; [recovery](recovery.md) has the procedure for AWS"},
			Messages: []string{"a recovery is rehearsed on emulated accounts alone"},
		},
		{
			Code: EmulatorSecret, Title: "a secret of the emulated accounts that cannot be used",
			Meaning: "The emulated accounts answer only to keys that are made of their secret. Its file is readable by " +
				"others, or holds none or another one.",
			Causes: []string{"a file for LOCKSTEP_REHEARSAL_SECRET that was copied with other permissions", "an empty file"},
			Remedies: []string{
				"make the file the owner's alone with `chmod 600`", "copy it again from where `rehearsal serve` runs",
			},
			Messages: []string{
				"… can be read by other users of this machine", "… holds no secret of at least … characters",
				"the emulated accounts at … have another secret than … names",
			},
		},
	}
}

func fileEntries() []Entry {
	return []Entry{
		{
			Code: MachineLacks, Title: "this machine lacks something",
			Meaning:  "`doctor` found something that Lockstep cannot do without.",
			Causes:   []string{"a new machine"},
			Remedies: []string{"do what `doctor` says at each line that is marked missing"},
			Messages: []string{"this machine lacks …"},
		},
		{
			Code: DiskFull, Title: "a full disk",
			Meaning:  "A file could not be written. Nothing incomplete stays.",
			Causes:   []string{"a small disk or a quota", "caches of other tools"},
			Remedies: []string{"free some space and run it again"},
			Messages: []string{"the disk that holds … is full"},
		},
		{
			Code: NotPermitted, Title: "a file or folder that this user may not use",
			Meaning: "The owner, the mode or a read-only disk forbids it.",
			Causes:  []string{"a read-only checkout", "another user, such as root in a container, made `.lockstep`"},
			Remedies: []string{
				"change its owner or mode; `lockstep doctor` names the folder", "`.lockstep` can be removed at any time",
			},
			Messages: []string{"… cannot be written: make it writable", "this user may not use it"},
		},
		{
			Code: FileMissing, Title: "a file that does not exist",
			Meaning:  "A file that is needed is not there, or is a link whose target is not there.",
			Causes:   []string{"it was moved or removed"},
			Remedies: []string{"see that it exists and, if it is a link, that its target does"},
			Messages: []string{"see that it exists and, if it is a link, that its target does"},
		},
		{
			Code: FileKind, Title: "not a regular file",
			Meaning:  "There is a folder, a pipe, a socket or a device where a file is expected.",
			Causes:   []string{"a wrong path", "process substitution of the shell"},
			Remedies: []string{"name a regular file"},
			Messages: []string{"is not a regular file but a …"},
		},
		{
			Code: FileTooLarge, Title: "a file that is too large",
			Meaning:  "The file has more bytes than such a file can have, so it was not read.",
			Causes:   []string{"another file under that name"},
			Remedies: []string{"check that this is the right file"},
			Messages: []string{"… is larger than … bytes"},
		},
		{
			Code: TooManyFiles, Title: "too many open files",
			Meaning:  "The process or the machine has no file descriptor left.",
			Causes:   []string{"a low limit", "many programs at once"},
			Remedies: []string{"raise the limit with `ulimit -n`, or close other programs"},
			Messages: []string{"too many files are open"},
		},
		{
			Code: DiskFailed, Title: "a disk that does not work",
			Meaning:  "The disk or the network drive could not be read or written.",
			Causes:   []string{"a failing disk", "a network drive that was taken away"},
			Remedies: []string{"check or mount it again, then run it again"},
			Messages: []string{"the disk could not be read or written"},
		},
		{
			Code: OutputUnread, Title: "nobody reads the output",
			Meaning:  "The command did its work, but its result could not be written, so it ends with 1.",
			Causes:   []string{"`| head`", "a pager that was left"},
			Remedies: []string{"write the output to a file"},
			Messages: []string{"whoever read the output has ended"},
		},
		{
			Code: PathUnusable, Title: "a path that cannot be used",
			Meaning:  "A link leads out of its folder or in a circle, a part of the path is a file, or a name is too long.",
			Causes:   []string{"links that were copied from another machine"},
			Remedies: []string{"fix or remove what is named"},
			Messages: []string{"the links go in a circle", "its name is too long for the disk"},
		},
		{
			Code: DocumentDamaged, Title: "a JSON document that is refused",
			Meaning: "A document has a name twice, an unknown name, text after its end, or is nested without end.",
			Causes: []string{
				"an edit by hand",
				"a document of a newer version of Lockstep",
				"a document that two readers should take for different things",
			},
			Remedies: []string{"let the program that wrote the document write it again"},
			Messages: []string{"line …: …"},
		},
		{
			Code: SystemRefused, Title: "the operating system refused a call",
			Meaning: "A call of a file, a process or a lock failed for a reason that only the system knows.",
			Causes: []string{
				"a kind of disk or a sandbox that lacks the function",
				"a file that another program has replaced at the same time",
			},
			Remedies: []string{"see what the message names, and the log of the system", "use a folder on another disk"},
		},
	}
}

func runEntries() []Entry {
	return []Entry{
		{
			Code: NoRun, Title: "no run to report",
			Meaning:  "No run was made in this project yet.",
			Causes:   []string{"a fresh checkout, or `.lockstep` was removed"},
			Remedies: []string{"`lockstep check` makes one"},
			Messages: []string{"there is no run to report: `lockstep check` makes one"},
		},
		{
			Code: RunUnfinished, Title: "a last run without a result",
			Meaning:  "The last run was killed or has not ended yet. An earlier one is never shown in its place.",
			Causes:   []string{"SIGKILL, a crash", "a run in another terminal"},
			Remedies: []string{"wait until it has ended, or run it again"},
			Messages: []string{"the last run did not end (killed?)"},
		},
		{
			Code: RunDamaged, Title: "a file of a run or of the cache is damaged",
			Meaning:  "The file is not what Lockstep writes, and is not believed.",
			Causes:   []string{"an edit", "a disk that was full"},
			Remedies: []string{"run it again; `.lockstep` can be removed at any time"},
			Messages: []string{"… is damaged: …"},
		},
		{
			Code: HooksNotInstalled, Title: "hooks that cannot be installed here",
			Meaning:  "The project is a folder of a larger repository, which has hooks of its own.",
			Causes:   []string{"a monorepository"},
			Remedies: []string{"add the project's gates to the hooks of that repository"},
			Messages: []string{
				"the project is a folder of the repository …",
				"the repository has a hook already, …: add `lockstep check` with the changed files to it",
			},
		},
		{
			Code: StateCommitted, Exit: exitRefused, Title: "state or settings in the repository",
			Meaning: "The repository holds a file of `.lockstep` or an `.env`, which would be taken for your own results.",
			Causes:  []string{"a file added with `git add -f`", "a pull request that plants results or arguments"},
			Remedies: []string{
				"see where it comes from, remove it with `git rm -r --cached`, and commit that",
			},
			Messages: []string{"the repository holds …, which would be taken for your own results and arguments"},
		},
		{
			Code: MaintenanceDue, Title: "maintenance found something to do",
			Meaning:  "A task of `lockstep maintain` found something. The record was written all the same.",
			Causes:   []string{"what is listed below each task"},
			Remedies: []string{"do what the task says a person has to do, and run the period again"},
			Messages: []string{"maintenance: … with something to do, … not run"},
		},
		{
			Code: MaintenanceNotRun, Title: "a task of maintenance that was not run",
			Meaning: "The task could not be done, and never counts as done. The record names it with the reason.",
			Causes: []string{
				"`--live` is missing, or the account cannot be reached",
				"a setting that the task compares with is not configured",
			},
			Remedies: []string{"do what the reason says, and run the period again", "see [maintenance](maintenance.md)"},
			Messages: []string{
				"maintenance: … with something to do, … not run",
				"it looks into accounts on AWS: write --live", "… has no budget in its configuration",
				"AWS has no estimate of the cost",
			},
		},
		{
			Code: NotRecorded, Title: "a record of maintenance that was not written",
			Meaning:  "The folder of records has as many records of this day as it can have.",
			Causes:   []string{"a program that runs the period in a loop"},
			Remedies: []string{"remove those records that nobody needs"},
			Messages: []string{"… has … records of this day already: remove some"},
		},
	}
}

// internalEntries are faults of the program itself, and ends that are none.
func internalEntries() []Entry {
	return []Entry{
		{
			Code: Unexpected, Title: "a fault of Lockstep",
			Meaning: "Something failed that Lockstep takes for impossible. Errors of AWS, the network, the system, files and " +
				"programs have other codes.",
			Causes: []string{"a defect of Lockstep"},
			Remedies: []string{
				"report the message together with the command and its `--verbose` output",
			},
		},
		{
			Code: Panicked, Title: "the program has a defect",
			Meaning:  "A step's runner stopped at a defect of Lockstep. Other steps were not harmed.",
			Causes:   []string{"a defect of Lockstep"},
			Remedies: []string{"report it with the step's log"},
			Messages: []string{"the runner panicked: …"},
		},
		{
			Code: Interrupted, Exit: exitInterrupted, Title: "interrupted",
			Meaning:  "A signal ended the run in good order: the lock is released, the state is kept.",
			Causes:   []string{"Ctrl-C", "the end of a job"},
			Remedies: []string{"run it again: it continues from there"},
		},
		{
			Code: TableBroken, Title: "a table of the program is wrong",
			Meaning:  "A table or template that is built into the program contradicts itself.",
			Causes:   []string{"a change of Lockstep's own code without its tests"},
			Remedies: []string{"run the tests of the package that the message comes from"},
		},
	}
}
