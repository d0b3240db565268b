package awsclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
)

// isLocal reports whether an error is of this machine and of no network: of a file, or of a limit of the process.
func isLocal(err error) bool {
	_, ok := fsx.FileOf(err)
	return ok || fsx.IsDescriptorLimit(err)
}

// IsUnreachable reports whether the endpoint gave no answer, as against a bad one, an answer that was not understood,
// or an error of this machine.
func IsUnreachable(err error) bool {
	var call *callError
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &call):
		return call.isUnreachable
	case isLocal(err):
		return false
	}
	return isNetworkError(err) || isCutOff(err)
}

// isNetworkError reports whether a connection could not be made, was not trusted, or has failed.
func isNetworkError(err error) bool {
	var operation *net.OpError
	var name *net.DNSError
	return errors.As(err, &operation) || errors.As(err, &name) || isUntrusted(err) ||
		errors.Is(err, http.ErrSchemeMismatch)
}

// isUntrusted reports whether TLS was not agreed on.
func isUntrusted(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		record       tls.RecordHeaderError
		alert        tls.AlertError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	return errors.As(err, &verification) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &authority) || errors.As(err, &hostname) || errors.As(err, &invalid)
}

// isCutOff reports whether a request ended without an answer: the connection broke off, or the time was over.
func isCutOff(err error) bool {
	var request *url.Error
	var operation *smithy.OperationError
	isRequest := errors.As(err, &request)
	if !isRequest && !errors.As(err, &operation) {
		return false
	}
	if isRequest && (request.Timeout() || isBrokenConnection(request.Err.Error())) {
		return true
	}
	for _, cause := range []error{
		io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT, context.DeadlineExceeded,
	} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// isBrokenConnection reports whether the text of an error of net/http, which has no type, says that the connection
// broke off or that what answered speaks no HTTP.
func isBrokenConnection(text string) bool {
	for _, part := range []string{
		"server closed idle connection", "transport connection broken", "malformed HTTP", "http2: client connection",
		"http2: server sent GOAWAY",
	} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// explainUnreachable names the endpoint that does not answer, and what to do. Only scheme and host are shown: a query
// may hold a signature.
func explainUnreachable(err error) (fault.Code, string) {
	endpoint := ""
	cause := err
	var request *url.Error
	if errors.As(err, &request) {
		if u, bad := url.Parse(request.URL); bad == nil {
			endpoint = " " + u.Scheme + "://" + u.Host
		}
		cause = request.Err
	}
	var network *net.OpError
	var name *net.DNSError
	isNetwork := errors.As(cause, &network)
	if isNetwork {
		cause = network
	}
	switch {
	case isNetwork && network.Op == "proxyconnect":
		return fault.ProxyFailed, fmt.Sprintf(
			"the proxy does not answer (%v): see that HTTPS_PROXY names one that runs, and that NO_PROXY "+
				"names what needs none, then run this again", cause)
	case errors.As(cause, &name):
		return fault.Unreachable, fmt.Sprintf(
			"the AWS endpoint%s cannot be found (%v): see that the region is spelled right and has this "+
				"service, and that names can be looked up here, then run this again", endpoint, name)
	case isUntrusted(cause):
		return fault.Untrusted, fmt.Sprintf(
			"the AWS endpoint%s is not trusted (%v): if a proxy opens the connections, set AWS_CA_BUNDLE to "+
				"its certificates; otherwise see that the address and this machine's clock are right", endpoint, cause)
	case errors.Is(cause, http.ErrSchemeMismatch):
		return fault.Untrusted, fmt.Sprintf(
			"the AWS endpoint%s speaks no TLS (%v): see that its address and its port are right", endpoint,
			cause)
	case errors.Is(cause, fs.ErrPermission):
		return fault.Unreachable, fmt.Sprintf(
			"this machine lets nobody connect to the AWS endpoint%s (%v): see what its firewall or sandbox "+
				"allows", endpoint, cause)
	}
	why := cause.Error()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		why = "the connection broke off"
	}
	return fault.Unreachable, fmt.Sprintf(
		"the AWS endpoint%s stopped answering (%s): see that it is up and reachable, then run this "+
			"again", endpoint, why)
}

// requestMessage returns the message for a request that was not sent, or whose answer was not understood.
func requestMessage(operation *smithy.OperationError) string {
	var request *url.Error
	if errors.As(operation, &request) { // its address may hold a signature
		return operation.Operation() + ": " + request.Err.Error()
	}
	return operation.Err.Error()
}

// innermost returns the error of the file in the chain, or the last error of it.
func innermost(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path
	case errors.As(err, &link):
		return link
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// remedyFor returns the remedy for an error. Its text is empty where none is known.
func remedyFor(err error) remedy {
	for _, row := range remedies {
		if row.isFor(err) {
			return row
		}
	}
	return remedy{code: fault.AWSRefused}
}

// A remedy is what to do about errors, and their code.
type remedy struct {
	isFor func(error) bool
	code  fault.Code
	text  string
}

// remedies are what to do about what AWS answers, and about requests that cannot be sent, the first that fits. Source
// of the codes: the API references, "Common errors".
var remedies = []remedy{
	{
		saysHeader("Authorization"), fault.CredentialsRefused,
		"the access key id holds a line break or another character that no header takes: " +
			"set AWS_ACCESS_KEY_ID again, without a line break at its end",
	},
	{
		saysHeader("X-Amz-Security-Token"), fault.CredentialsRefused,
		"the session token holds a line break or another character that no header " +
			"takes: set AWS_SESSION_TOKEN again, without a line break at its end",
	},
	{
		saysProxy, fault.ProxyFailed,
		"the proxy of HTTPS_PROXY refused the connection: see that it allows the AWS endpoints and, if it asks " +
			"for a password, that HTTPS_PROXY has it",
	},
	{isMissingRegion, fault.NoRegion, "set AWS_REGION, or a region in the profile"},
	{isSkewed, fault.ClockWrong, "this machine's clock is wrong: set it, then run this again"},
	{
		hasCode("SignatureDoesNotMatch", "InvalidSignatureException"), fault.CredentialsRefused,
		"the secret access key is wrong, or has a blank or " +
			"a line break at its end: set AWS_SECRET_ACCESS_KEY again, or sign in again",
	},
	{
		hasCode("ExpiredToken", "ExpiredTokenException", "RequestExpired"), fault.CredentialsExpired,
		"the credentials have expired: sign in again, then run this again",
	},
	{
		hasCode("InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException"), fault.CredentialsRefused,
		"AWS does not know the access key here: sign in again, and see that the region is enabled in the account",
	},
	{
		hasCode("OptInRequired"), fault.RegionDisabled,
		"the account is not signed up for this service or region: enable it, then run this again",
	},
	{
		hasCode("AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"),
		fault.BucketElsewhere,
		"the bucket is in another region than is configured: fix the region",
	},
	{isThrottled, fault.Throttled, "AWS takes no more calls at this moment: run this again later"},
	{isServerFault, fault.AWSFault, "AWS has a fault: run this again, and see https://health.aws.amazon.com if it stays"},
	{hasCode("KMSAccessDeniedException", "KMS.AccessDeniedException", "KMSInvalidStateException",
		"KMS.DisabledException"), fault.KeyDenied, ""},
	{isDeniedKey, fault.KeyDenied, ""},
	{
		hasCode("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess", "Forbidden"),
		fault.AccessDenied, "",
	},
	{
		hasCode("NoSuchBucket", "NoSuchKey", "NotFound", "ParameterNotFound", "ResourceNotFoundException", "NoSuchEntity"),
		fault.NoSuchResource, "",
	},
}

// saysHeader returns a function that reports whether net/http has refused the value of a header, in which it takes no
// control characters.
func saysHeader(header string) func(error) bool {
	text := fmt.Sprintf("invalid header field value for %q", header)
	return func(err error) bool { return strings.Contains(err.Error(), text) }
}

// saysProxy reports whether a proxy has answered instead of the endpoint. net/http then has the text of the proxy's
// status alone.
func saysProxy(err error) bool {
	var request *url.Error
	if !errors.As(err, &request) {
		return false
	}
	for status := http.StatusBadRequest; status <= http.StatusNetworkAuthenticationRequired; status++ {
		if text := http.StatusText(status); text != "" && request.Err.Error() == text {
			return true
		}
	}
	return false
}

func isMissingRegion(err error) bool {
	var missing *aws.MissingRegionError
	return errors.As(err, &missing) || strings.Contains(err.Error(), "Missing Region")
}

// isSkewed reports whether AWS has refused a signature for its time.
func isSkewed(err error) bool {
	switch ErrorCode(err) {
	case "RequestTimeTooSkewed", "RequestInTheFuture":
		return true
	case "SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure":
		return strings.Contains(err.Error(), "Signature expired") ||
			strings.Contains(err.Error(), "Signature not yet current")
	}
	return false
}

// isDeniedKey reports whether AWS has denied the use of a KMS key. S3 and others name the action in their message.
func isDeniedKey(err error) bool {
	return hasCode("AccessDenied", "AccessDeniedException")(err) && strings.Contains(err.Error(), "kms:")
}

// isServerFault reports whether AWS has answered that the fault is its own.
func isServerFault(err error) bool {
	var answer interface{ HTTPStatusCode() int }
	return hasCode("InternalFailure", "InternalError", "ServiceUnavailable", "ServiceUnavailableException")(err) ||
		errors.As(err, &answer) && answer.HTTPStatusCode() >= http.StatusInternalServerError
}

// hasCode returns a function that reports whether AWS has answered with one of the codes.
func hasCode(codes ...string) func(error) bool {
	return func(err error) bool {
		found := ErrorCode(err)
		return found != "" && slices.Contains(codes, found)
	}
}
