package cli

import (
	"fmt"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"lockstep/internal/bootstrap"
	"lockstep/internal/rehearsal"
)

// rehearsalServe runs the emulated accounts for others, as the service container of a rehearsal in Dagger does.
func (a *app) rehearsalServe() *cobra.Command {
	listen, certificates := fmt.Sprintf("127.0.0.1:%d", rehearsal.DefaultPort), ""
	var hosts []string
	cmd := a.rehearsalAction("serve", "Run them for other machines or containers, until interrupted", func(cmd *cobra.Command, p *project, e *rehearsal.Emulator) error {
		if err := checkHosts(hosts); err != nil {
			return err
		}
		if certificates != "" {
			dir, err := filepath.Abs(certificates)
			if err != nil {
				return err
			}
			e.CertificateDir = dir
		}
		e.Hosts = hosts
		return e.Serve(cmd.Context(), listen, func(s *rehearsal.Session) error {
			return e.Bootstrap(cmd.Context(), s, bootstrap.Accounts(p.config.Pipeline, p.config.Environments))
		})
	})
	cmd.Long = `Run the emulated accounts, bootstrapped, in the foreground, and let others reach them. Who does sets

  ` + rehearsal.EndpointVariable + `=https://HOST:PORT
  ` + rehearsal.AuthorityVariable + `=FILE, the ca.pem of the certificates

and then rehearses there. Nothing is listened on before the accounts are ready. An interrupt stops them and keeps their state.`
	cmd.Flags().StringVar(&listen, "listen", listen, "the address to listen on")
	cmd.Flags().StringVar(&certificates, "certificates", "", "the folder that `rehearsal certificate` made")
	addHostFlag(cmd, &hosts)
	return cmd
}

// rehearsalCertificate makes the certificate before there is anything to serve, so that callers can be given its authority.
func (a *app) rehearsalCertificate() *cobra.Command {
	into := ""
	var hosts []string
	cmd := &cobra.Command{
		Use: "certificate --host NAME --into FOLDER", Short: "Make a certificate for emulated accounts that others reach by a name", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if into == "" {
				return usagef("--into is missing: write the folder that the certificate belongs in")
			}
			if err := checkHosts(hosts); err != nil {
				return err
			}
			return rehearsal.MakeCertificates(into, a.Environ, time.Now(), hosts)
		},
	}
	cmd.Flags().StringVar(&into, "into", "", "the folder that it belongs in")
	addHostFlag(cmd, &hosts)
	return cmd
}

func addHostFlag(cmd *cobra.Command, hosts *[]string) {
	cmd.Flags().StringArrayVar(hosts, "host", nil, "a name that the certificate is good for, besides those of this machine")
}

var hostNamePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

func checkHosts(hosts []string) error {
	for _, host := range hosts {
		if !hostNamePattern.MatchString(host) {
			return usagef("--host %s: that is no name of a host; write it in lower case, without a port", host)
		}
	}
	return nil
}
