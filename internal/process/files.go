package process

// Files are what a program sees of the machine's files, besides those of the system: all others are hidden from it and
// from what it starts. That takes Linux 5.13 with Landlock; elsewhere a program sees everything.
type Files struct {
	// Readable are files and folders that are read, and whose programs are run.
	Readable []string
	// Writable are files and folders that are written too.
	Writable []string
	// ClosedPorts, if it is not nil, closes the network: no connection by TCP is made to these ports, nor to one below
	// 1024, where other machines offer what programs fetch. Servers that a program itself has started have higher ports.
	// That takes Linux 6.7.
	ClosedPorts []int
}
