package credential

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// aws finds AWS's keys where AWS's own SDKs look: in the configuration, the
// environment, the token of a web identity (EKS), the shared files, the
// container's endpoint (ECS, EKS) and that of the machine (EC2).
type aws struct{ Options }

func (a *aws) secrets() []string {
	return []string{a.SecretAccessKey, a.SessionToken, a.getenv("AWS_SECRET_ACCESS_KEY"), a.getenv("AWS_SESSION_TOKEN"), a.getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")}
}

// errNone says that a place has no credential, so the next is looked at.
var errNone = errors.New("none")

// none is errNone with the reason.
func none(format string, args ...any) error {
	return fmt.Errorf("%s%w", fmt.Sprintf(format, args...), errNone)
}

func (a *aws) fetch(ctx context.Context) (*Secret, error) {
	if a.AccessKeyID != "" {
		return &Secret{AWS: AWSKeys{a.AccessKeyID, a.SecretAccessKey, a.SessionToken}}, nil
	}
	if a.Profile != "" {
		s, err := a.fromProfile(ctx, a.Profile, true)
		if errors.Is(err, errNone) {
			return nil, llm.Errorf(llm.Authentication, "the AWS profile %s has no credentials: %s", shown.Name(a.Profile), reason(err))
		}
		return s, err
	}
	var looked []string
	for _, place := range []struct {
		name string
		ask  func(context.Context) (*Secret, error)
	}{{"environment", a.fromEnvironment}, {"web identity", a.fromWebIdentity}, {"shared files", a.fromFiles},
		{"container", a.fromContainer}, {"EC2 metadata", a.fromMachine}} {
		s, err := place.ask(ctx)
		if !errors.Is(err, errNone) {
			return s, err
		}
		looked = append(looked, place.name+": "+reason(err))
	}
	return nil, llm.Errorf(llm.Authentication, "no AWS credentials were found (%s); set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \"auth\": {\"type\": \"aws\", …} in the configuration",
		strings.Join(looked, "; "))
}

func reason(err error) string { return strings.TrimSuffix(err.Error(), errNone.Error()) }

func (a *aws) fromEnvironment(context.Context) (*Secret, error) {
	id, secret := a.getenv("AWS_ACCESS_KEY_ID"), a.getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return nil, none("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set")
	}
	return &Secret{AWS: AWSKeys{id, secret, a.getenv("AWS_SESSION_TOKEN")}}, nil
}

// answered are keys as AWS's endpoints and programs give them.
type answered struct {
	Code            string
	Message         string
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Token           string // of endpoints
	SessionToken    string // of programs
	Expiration      string
}

// readKeys reads the answer of an endpoint or a program.
func readKeys(data []byte, from string) (*Secret, error) {
	var k answered
	if err := llm.JSON.Unmarshal(data, &k); err != nil {
		return nil, llm.Errorf(llm.Authentication, "%s did not answer with JSON", from) // which may hold keys: not repeated
	}
	if k.Code != "" && !strings.EqualFold(k.Code, "success") {
		return nil, llm.Errorf(llm.Authentication, "%s gives no keys: %s %s", from, k.Code, k.Message)
	}
	s := &Secret{AWS: AWSKeys{k.AccessKeyID, k.SecretAccessKey, k.Token + k.SessionToken}}
	if s.AWS.ID == "" || s.AWS.Secret == "" {
		return nil, llm.Errorf(llm.Authentication, "%s gives no AccessKeyId or no SecretAccessKey", from)
	}
	for _, text := range []string{s.AWS.ID, s.AWS.Secret, s.AWS.Session} {
		if err := checked("a key of "+from, text); err != nil {
			return nil, err
		}
	}
	if k.Expiration != "" {
		t, err := time.Parse(time.RFC3339, k.Expiration)
		if err != nil {
			return nil, llm.Errorf(llm.Authentication, "%s gives keys whose Expiration is not a time", from)
		}
		s.Expires = t
	}
	return s, nil
}
