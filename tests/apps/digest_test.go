package apps

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
	"lockstep/tests/harness"
)

// A place is where an app is synthesised: by a user, on a machine or in a container.
type place struct {
	name string
	// missing returns why there is no such place here; empty if there is one.
	missing func() string
	// command returns the program's command for the app in the folder dir. The folder own is the place's alone.
	command func(dir, own string, args ...string) *exec.Cmd
}

var places = []place{
	{"this user", func() string { return "" }, func(dir, _ string, args ...string) *exec.Cmd {
		return command(dir, args...)
	}},
	{"another user", missingUser, asOtherUser},
	{"a container", missingContainer, inContainer},
}

// otherUser is the id of a user that no machine has.
const otherUser = "61234"

// otherUserArgs let a command run as another user. It may enter the folders of this user, where the languages are
// installed, which root alone can allow. Without the security bit, access(2) would deny what open(2) allows.
var otherUserArgs = []string{
	"--securebits=+no_setuid_fixup", "--reuid=" + otherUser, "--regid=" + otherUser, "--clear-groups",
	"--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--",
}

// missingUser implements place.missing.
func missingUser() string {
	if os.Getuid() != 0 {
		return "only root can run a command as another user"
	}
	out, err := exec.Command("setpriv", append(otherUserArgs, "true")...).CombinedOutput()
	if err != nil {
		return "setpriv: " + err.Error() + ": " + string(out)
	}
	return ""
}

// asOtherUser implements place.command.
func asOtherUser(dir, own string, args ...string) *exec.Cmd {
	cmd := command(dir, args...)
	chown := exec.Command("chown", "-R", otherUser+":"+otherUser, dir, own)
	if out, err := chown.CombinedOutput(); err != nil {
		return exec.Command("sh", "-c", "echo '"+string(out)+"'; exit 1")
	}
	cmd.Args = append(append([]string{"setpriv"}, otherUserArgs...), append([]string{program.Path()}, args...)...)
	cmd.Path, cmd.Err = exec.LookPath("setpriv")
	cmd.Env = environOfAnotherUser(cmd.Env, filepath.Join(own, "home"), filepath.Join(own, "tmp"), "jo")
	return cmd
}

// environOfAnotherUser returns the environment of another user, with a home of their own, in another time zone and
// language. The caches of Go stay, without which an app in Go would be compiled again, and so do the packages of the
// samples.
func environOfAnotherUser(environ []string, home, temporary, user string) []string {
	caches, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err == nil {
		folders := strings.Fields(string(caches))
		environ = append(environ, "GOCACHE="+folders[0], "GOMODCACHE="+folders[1])
	}
	return append(environ, "HOME="+home, "TMPDIR="+temporary, "USER="+user, "LOGNAME="+user, "XDG_CACHE_HOME=",
		"LOCKSTEP_READABLE="+samplesFolder(), "TZ=Pacific/Auckland", "LANG=C.UTF-8", "LC_ALL=C.UTF-8")
}

// container runs a command in namespaces of its own: users, processes, mounts, and another name of the machine. Its
// root is an empty file system with the folders of the system and, at their own paths, those in which the languages are
// installed. The arguments are the folder of the app, a home, what else is seen, the name of the program, and the
// command.
const container = `set -e
dir=$1 own=$2 seen=$3; shift 3
hostname builder
root=$own/root
mkdir -p "$root"
mount -t tmpfs none "$root"
bind() { # bind FROM TO: a folder or a file as it is
	if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$(dirname "$root$2")"; touch "$root$2"; fi
	mount --rbind "$1" "$root$2"
}
for folder in /usr /bin /sbin /lib /lib64 /etc /dev $seen; do
	if [ -L "$folder" ]; then cp -P "$folder" "$root$folder"; elif [ -e "$folder" ]; then bind "$folder" "$folder"; fi
done
mkdir -p "$root/proc" "$root/tmp" "$root/home/builder"
mount -t proc proc "$root/proc"
bind "$dir" /srv/checkout/of/orders
exec chroot "$root" sh -c 'cd /srv/checkout/of/orders && exec "$@"' sh "$@"
`

// containerArgs make the namespaces of a container.
var containerArgs = []string{
	"--user", "--map-root-user", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "sh", "-c",
}

// missingContainer implements place.missing.
func missingContainer() string {
	out, err := exec.Command("unshare", append(containerArgs, "mount -t tmpfs none /tmp && hostname builder")...).
		CombinedOutput()
	if err != nil {
		return "this machine makes no namespaces: " + err.Error() + ": " + string(out)
	}
	return ""
}

// homes returns the home of this run, and that of the user, in which a version manager may have installed a language.
func homes() []string {
	var folders []string
	if home, err := os.UserHomeDir(); err == nil {
		folders = append(folders, home)
	}
	if own, err := user.LookupId(strconv.Itoa(os.Getuid())); err == nil && !slices.Contains(folders, own.HomeDir) {
		folders = append(folders, own.HomeDir)
	}
	return folders
}

// inContainer implements place.command.
func inContainer(dir, own string, args ...string) *exec.Cmd {
	cmd := command(dir)
	seen := strings.Join(append(homes(), program.Dir), " ")
	argv := append(append([]string{"unshare"}, containerArgs...), container, "container", dir, own, seen, program.Path())
	cmd.Args = append(argv, args...)
	cmd.Path, cmd.Err = exec.LookPath("unshare")
	cmd.Env = environOfAnotherUser(cmd.Env, "/home/builder", "/tmp", "builder")
	return cmd
}

// What is deployed depends neither on the folder, nor on who synthesises it, nor on the machine's name, root, time zone
// and language.
func TestApp_DigestIsTheSameElsewhere(t *testing.T) {
	forEachSample(t, func(t *testing.T, s sample) {
		var first digest.Environment
		for _, p := range places {
			t.Run(p.name, func(t *testing.T) {
				if reason := p.missing(); reason != "" {
					t.Skip(reason)
				}
				sum := synthesisedAt(t, s, p)
				if first == "" {
					first = sum
				}
				assert.Equal(t, first, sum)
			})
		}
	})
}

// synthesisedAt returns the digest of an app that is synthesised at a place.
func synthesisedAt(t *testing.T, s sample, p place) digest.Environment {
	t.Helper()
	dir, own := s.newRepository(t), t.TempDir()
	for _, name := range []string{"home", "tmp"} {
		require.NoError(t, os.Mkdir(filepath.Join(own, name), 0o755))
	}
	for file, text := range configuration {
		harness.MustWriteFile(t, filepath.Join(dir, file), text)
	}
	out, err := p.command(dir, own, "synth", "--env", "dev").CombinedOutput()
	require.NoError(t, err, "%s", out)
	files, err := assembly.Open(filepath.Join(dir, ".lockstep", "assembly", "dev"))
	require.NoError(t, err)
	sum, err := assembly.EnvironmentDigest(files)
	require.NoError(t, err)
	require.NotEmpty(t, sum)
	return sum
}
