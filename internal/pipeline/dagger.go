package pipeline

// DaggerVersion is the version of Dagger that the module is written for and that jobs install.
const DaggerVersion = "0.21.8"

// ModuleDir is the folder of the module's sources.
const ModuleDir = "ci"

// DaggerEngine is the image of the engine that a job starts if no engine is configured.
const DaggerEngine = "registry.dagger.io/engine:v" + DaggerVersion +
	"@sha256:c9c1a0a6546380983d42e8d75adde070a2a0935c54b498d8bc9045d9cb2ee336"

// A Download is the address of a file and its SHA-256, in hexadecimal.
type Download struct{ URL, SHA256 string }

// DaggerCLI has the archives of the Dagger command line, by the machine's name in `uname -m`.
var DaggerCLI = map[string]Download{
	"x86_64": {
		URL:    daggerReleases + "amd64.tar.gz",
		SHA256: "53e226c7da8fb75171e58c35759d736d961ce8b3a12db0baa7b7107954fccc5a",
	},
	"aarch64": {
		URL:    daggerReleases + "arm64.tar.gz",
		SHA256: "cd0df4885f2050082932b4abc5a6aad9a733f6aa4e7d8474740558517ffec4af",
	},
}

const daggerReleases = "https://dl.dagger.io/dagger/releases/" + DaggerVersion + "/dagger_v" + DaggerVersion + "_linux_"
