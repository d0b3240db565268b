package pipeline

// DaggerVersion is the version of Dagger that the module is written for and every job installs.
const DaggerVersion = "0.21.8"

// DaggerEngine is the engine's image. A job that starts an engine of its own runs exactly this one.
const DaggerEngine = "registry.dagger.io/engine:v" + DaggerVersion + "@sha256:c9c1a0a6546380983d42e8d75adde070a2a0935c54b498d8bc9045d9cb2ee336"

// A Download is a file on the network and the SHA-256 that it must have, in hexadecimal.
type Download struct{ URL, SHA256 string }

// DaggerCLI is the one table of the Dagger command line's archives, by the machine's name as `uname -m` gives it.
var DaggerCLI = map[string]Download{
	"x86_64":  {URL: daggerReleases + "amd64.tar.gz", SHA256: "53e226c7da8fb75171e58c35759d736d961ce8b3a12db0baa7b7107954fccc5a"},
	"aarch64": {URL: daggerReleases + "arm64.tar.gz", SHA256: "cd0df4885f2050082932b4abc5a6aad9a733f6aa4e7d8474740558517ffec4af"},
}

const daggerReleases = "https://dl.dagger.io/dagger/releases/" + DaggerVersion + "/dagger_v" + DaggerVersion + "_linux_"
