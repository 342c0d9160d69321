package vendor

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/llmagg/llmagg/core/credential"
	"github.com/llmagg/llmagg/core/internal/shown"
	"github.com/llmagg/llmagg/core/llm"
)

// This file is what the vendors that are clouds have beside the others: their
// services are in regions, and their credentials are no fixed keys.

// place completes an address that a region is part of, and finds the region in
// which a model's requests are signed.
func (v *Vendor) place(where string, m *Model, getenv func(string) (string, bool)) error {
	if v.auth != credential.AWS && m.Auth != credential.AWS {
		return nil
	}
	if v.region = cmp.Or(m.Region, regionOf(m.BaseURL)); v.region == "" {
		v.region = credential.AWSRegion(m.Profile, getenv)
	}
	if strings.ContainsFunc(v.region, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' }) {
		return llm.Errorf(llm.InvalidArgument, "%s: the region %s is not valid; expected something like us-east-1", where, shown.Name(v.region))
	}
	if v.region == "" && (strings.Contains(m.BaseURL, "{region}") || m.APIKey == "" && !m.OwnAuth) {
		return llm.Errorf(llm.InvalidArgument, "%s has no region; set \"region\" (such as \"us-east-1\") in the configuration, or the variable AWS_REGION", where)
	}
	m.BaseURL = strings.NewReplacer("{region}", v.region, "{aws}", credential.AWSDomain(v.region)).Replace(m.BaseURL)
	return nil
}

// cloud is the type under which the vendor's own settings are, "" for none.
func (v *Vendor) cloud() string {
	if v.auth == credential.AWS {
		return "bedrock"
	}
	return ""
}

// regionOf is the region in the name of one of AWS's hosts:
// bedrock-runtime.REGION.amazonaws.com, bedrock-mantle.REGION.api.aws.
func regionOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	labels := strings.Split(strings.ToLower(u.Hostname()), ".")
	if len(labels) < 4 || !strings.HasPrefix(labels[0], "bedrock-") {
		return ""
	}
	return labels[1]
}

// Signs gives what a model's credential is for: its type, "" where the vendor
// takes fixed keys alone, and the region and the service that AWS's signatures
// name.
func (v *Vendor) Signs(baseURL string) (kind, region, service string) {
	service = cmp.Or(v.service, "bedrock")
	if u, err := url.Parse(baseURL); err == nil && strings.HasPrefix(u.Hostname(), "bedrock-mantle.") {
		service = "bedrock-mantle"
	}
	return v.auth, v.region, service
}

// withoutRegion is an address, "" for one that a region, or a project, is part
// of.
func withoutRegion(base string) string {
	if strings.Contains(base, "{") {
		return ""
	}
	return base
}
