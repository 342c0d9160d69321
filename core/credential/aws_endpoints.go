package credential

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/internal/alarm"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// Addresses of AWS's endpoints for credentials.
const (
	containerAddress = "http://169.254.170.2"
	machineAddress   = "http://169.254.169.254"
	machineTime      = 2 * time.Second // outside of EC2 nothing answers there
	longestRole      = 256             // names have 64 characters at most
)

// containerHosts are where a full URI of a container may lead without
// encryption, beside this machine.
var containerHosts = []string{"169.254.170.2", "169.254.170.23", "fd00:ec2::23"}

// fromContainer asks the endpoint of ECS or EKS.
func (a *aws) fromContainer(ctx context.Context) (*Secret, error) {
	address := a.getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if relative := a.getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); relative != "" {
		address = containerAddress + relative
	}
	if address == "" {
		return nil, none("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set")
	}
	if u, err := url.Parse(address); err != nil || !safe(address) && !isOneOf(u.Hostname(), containerHosts) {
		return nil, llm.Errorf(llm.Authentication, "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or an address of this machine or of the container's endpoint")
	}
	r, err := get(address)
	if err != nil {
		return nil, err
	}
	token := a.getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")
	if file := a.getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); file != "" { // read anew each time
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, llm.Errorf(llm.Authentication, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read: %s", shown.File(err))
		}
		token = strings.TrimSpace(string(data))
	}
	if token != "" {
		if err := llm.CheckHeaderValue("AWS_CONTAINER_AUTHORIZATION_TOKEN", token); err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", token)
	}
	data, err := a.ask(ctx, r, true)
	if err != nil {
		return nil, err
	}
	return readKeys(data, "the container's endpoint")
}

func isOneOf(host string, hosts []string) bool {
	ip := net.ParseIP(host)
	return ip != nil && slices.ContainsFunc(hosts, func(h string) bool { return ip.Equal(net.ParseIP(h)) })
}

// fromMachine asks the metadata service of EC2, in its second version.
func (a *aws) fromMachine(ctx context.Context) (*Secret, error) {
	if strings.EqualFold(a.getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		return nil, none("AWS_EC2_METADATA_DISABLED is true")
	}
	root := cmp.Or(strings.TrimRight(a.getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"), "/"), machineAddress)
	short, stop := alarm.WithTimeout(ctx, machineTime, context.DeadlineExceeded)
	defer stop()
	r, err := request(http.MethodPut, root+"/latest/api/token", nil, "X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
	if err != nil {
		return nil, err
	}
	token, err := a.ask(short, r, true)
	switch e, gone := (*llm.Error)(nil), (unreached{}); {
	case err == nil:
	case ctx.Err() != nil:
		return nil, err
	case short.Err() != nil || errors.As(err, &gone):
		return nil, none("%s does not answer", root)
	case errors.As(err, &e) && e.Code == llm.Authentication: // such an address has something else on other clouds' machines
		return nil, none("%s", e.Message)
	default:
		return nil, err
	}
	if llm.CheckHeaderValue("token", string(token)) != nil {
		return nil, none("%s gives no token", root)
	}
	const path = "/latest/meta-data/iam/security-credentials/"
	read := func(name string) ([]byte, error) {
		r, err := get(root+path+name, "X-Aws-Ec2-Metadata-Token", string(token))
		if err != nil {
			return nil, err
		}
		return a.ask(ctx, r, true)
	}
	roles, err := read("")
	if e := (*llm.Error)(nil); errors.As(err, &e) && e.Code == llm.Authentication {
		return nil, none("the machine has no role")
	}
	if err != nil {
		return nil, err
	}
	role, _, _ := strings.Cut(strings.TrimSpace(string(roles)), "\n")
	if role = strings.TrimSpace(role); len(role) > longestRole || strings.ContainsAny(role, " \t<>{}\"") {
		return nil, llm.Errorf(llm.Authentication, "the EC2 metadata service did not answer with the name of a role")
	}
	data, err := read(url.PathEscape(role))
	if err != nil {
		return nil, err
	}
	return readKeys(data, "the EC2 metadata service")
}

// fromWebIdentity exchanges the token of a web identity, as EKS gives it to a
// pod.
func (a *aws) fromWebIdentity(ctx context.Context) (*Secret, error) {
	file, role := a.getenv("AWS_WEB_IDENTITY_TOKEN_FILE"), a.getenv("AWS_ROLE_ARN")
	if file == "" || role == "" {
		return nil, none("AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN are not both set")
	}
	return a.assume(ctx, file, role, a.getenv("AWS_ROLE_SESSION_NAME"), "AWS_WEB_IDENTITY_TOKEN_FILE")
}

// assume asks STS for the keys of a role.
func (a *aws) assume(ctx context.Context, file, role, session, name string) (*Secret, error) {
	token, err := os.ReadFile(file) // anew each time: it is renewed
	if err != nil {
		return nil, llm.Errorf(llm.Authentication, "%s cannot be read: %s", name, shown.File(err))
	}
	session = cmp.Or(session, "llmagg")
	address := cmp.Or(a.getenv("AWS_ENDPOINT_URL_STS"), "https://sts."+a.Region+"."+AWSDomain(a.Region)+"/")
	if !safe(address) {
		return nil, llm.Errorf(llm.Authentication, "AWS_ENDPOINT_URL_STS must be an https URL")
	}
	data, err := a.post(ctx, address, url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {role},
		"RoleSessionName": {session}, "WebIdentityToken": {strings.TrimSpace(string(token))}})
	if err != nil {
		return nil, err
	}
	// The answer is flat XML; a reader of all XML would be 300 KB of library.
	s := &Secret{AWS: AWSKeys{element(data, "AccessKeyId"), element(data, "SecretAccessKey"), element(data, "SessionToken")}}
	if s.Expires, err = time.Parse(time.RFC3339, element(data, "Expiration")); err != nil || s.AWS.ID == "" || s.AWS.Secret == "" {
		return nil, llm.Errorf(llm.Authentication, "STS did not answer with keys and their end")
	}
	return s, nil
}

// element is the text of the first XML element of a name.
func element(data []byte, name string) string {
	_, rest, found := strings.Cut(string(data), "<"+name+">")
	text, _, closed := strings.Cut(rest, "</"+name+">")
	if !found || !closed {
		return ""
	}
	return strings.TrimSpace(text)
}

// AWSDomain is the domain of AWS's services in a region.
func AWSDomain(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}
