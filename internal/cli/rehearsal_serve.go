package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"lockstep/internal/bootstrap"
	"lockstep/internal/fault"
	"lockstep/internal/rehearsal"
)

// rehearsalServe returns the command that runs the emulated accounts for other machines or containers.
func (a *app) rehearsalServe() *cobra.Command {
	listen := fmt.Sprintf("127.0.0.1:%d", rehearsal.DefaultPort)
	certificates, secret := "", ""
	var hosts []string
	serve := func(ctx context.Context, p *project, e *rehearsal.Emulator) (result, error) {
		if err := checkHosts(hosts); err != nil {
			return nil, err
		}
		var err error
		if e.CertificateDir, err = absolute(certificates); err != nil {
			return nil, err
		}
		if e.SecretFile, err = absolute(secret); err != nil {
			return nil, err
		}
		e.Hosts = hosts
		return nil, e.Serve(ctx, listen, func(s *rehearsal.Session) error {
			return e.Bootstrap(ctx, s, bootstrap.Accounts(p.config.Pipeline, p.config.Environments))
		})
	}
	cmd := a.rehearsalAction("serve", "Run them for other machines or containers, until interrupted", serve)
	cmd.Long = `Run the emulated accounts, bootstrapped, in the foreground, and let others reach them. To rehearse
there, set

  ` + rehearsal.EndpointVariable + `=https://HOST:PORT
  ` + rehearsal.AuthorityVariable + `=FILE, the ca.pem of the certificates
  ` + rehearsal.SigningKeyVariable + `=FILE, a copy of the file that --secret names

Nothing is listened on before the accounts are ready. An interrupt stops them and keeps their state.`
	cmd.Flags().StringVar(&listen, "listen", listen, "the address to listen on")
	addPathFlag(cmd.Flags(), &certificates, "certificates", "the folder that `rehearsal certificate` made")
	addPathFlag(cmd.Flags(), &secret, "secret",
		"the file with the secret that every call has to be signed with, made if there is none")
	addHostFlag(cmd, &hosts)
	return cmd
}

// absolute returns the absolute path of a file that the user has named; empty if the user named none.
func absolute(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	return filepath.Abs(path)
}

// rehearsalCertificate returns the command that makes the certificate before anything is served, so that callers can be
// configured to trust it.
func (a *app) rehearsalCertificate() *cobra.Command {
	into := ""
	var hosts []string
	cmd := &cobra.Command{
		Use: "certificate --host NAME --into FOLDER", Args: noArgs,
		Short: "Make a certificate for emulated accounts that others reach by a name",
		RunE: func(*cobra.Command, []string) error {
			if into == "" {
				return usagef(fault.FlagMissing, "--into is missing: write the folder that the certificate belongs in")
			}
			if err := checkHosts(hosts); err != nil {
				return err
			}
			return rehearsal.MakeCertificates(into, a.Environ, a.Now(), hosts)
		},
	}
	addPathFlag(cmd.Flags(), &into, "into", "the folder that it belongs in")
	addHostFlag(cmd, &hosts)
	return cmd
}

func addHostFlag(cmd *cobra.Command, hosts *[]string) {
	cmd.Flags().StringArrayVar(hosts, "host", nil,
		"a name by which the accounts are reached, besides those of this machine")
}

var hostNamePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

func checkHosts(hosts []string) error {
	for _, host := range hosts {
		if !hostNamePattern.MatchString(host) {
			return usagef(fault.FlagValue, "--host %s: that is no name of a host; write it in lower case, without a port", host)
		}
	}
	return nil
}
