package awsclient

import (
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"

	"lockstep/internal/fault"
)

// expiryWindow is how long before they expire credentials are renewed.
const expiryWindow = time.Minute

// EndpointCredentials returns the credentials that an endpoint gives out, as that of the containers of AWS does. They
// are asked for again before they expire. The client may be nil.
func EndpointCredentials(address string, client aws.HTTPClient) (aws.CredentialsProvider, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Hostname() == "" {
		// The address is not shown: its path is a secret.
		return nil, fault.New(fault.FlagValue,
			"the address of the credentials is none: write it as http://HOST/PATH, or let AWS's own variables name them")
	}
	provider := endpointcreds.New(address, func(o *endpointcreds.Options) { o.HTTPClient = client })
	return renewed(provider), nil
}

// renewed returns credentials that are asked for again before they expire.
func renewed(provider aws.CredentialsProvider) *aws.CredentialsCache {
	return aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = expiryWindow })
}

// renewalOf returns a function that discards credentials, so that they are asked for again; nil for credentials that
// nobody renews.
func renewalOf(provider aws.CredentialsProvider) func() {
	cache, ok := provider.(*aws.CredentialsCache)
	if !ok || cache.IsCredentialsProvider(credentials.StaticCredentialsProvider{}) {
		return nil
	}
	return cache.Invalidate
}
