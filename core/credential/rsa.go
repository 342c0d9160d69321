package credential

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
)

// This file signs for a service account of Google (RFC 8017, section 8.2, with
// SHA-256), by the arithmetic that the verification of certificates has in the
// library already: the package crypto/rsa would be 70 KB of it for its private
// keys.

// rsaKey is what of a private key signs.
type rsaKey struct {
	Version int
	N       *big.Int
	E       int
	D       *big.Int // the key's further numbers only make it faster
}

var (
	errNoPEM = errors.New("no PEM text (are its line ends \\n?)")
	errNoRSA = errors.New("no RSA key")
)

// readKey reads a key's PEM text, in PKCS #8 or PKCS #1.
func readKey(text string) (*rsaKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errNoPEM
	}
	data := block.Bytes
	var wrapped struct {
		Version   int
		Algorithm asn1.RawValue
		Key       []byte
	}
	if _, err := asn1.Unmarshal(data, &wrapped); err == nil {
		data = wrapped.Key
	}
	key := &rsaKey{}
	if _, err := asn1.Unmarshal(data, key); err != nil || key.N.Sign() <= 0 || key.N.BitLen() < 1024 || key.N.BitLen() > 16384 || key.E < 3 || key.D.Sign() <= 0 {
		return nil, errNoRSA
	}
	return key, nil
}

// digestInfo stands before a digest of SHA-256 (RFC 8017, section 9.2, note 1).
const digestInfo = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"

// sign makes the signature of a text. Its time says nothing of the key: the
// number that is raised is multiplied with a random one before.
func (k *rsaKey) sign(text string) ([]byte, error) {
	digest := sha256.Sum256([]byte(text))
	padded := make([]byte, (k.N.BitLen()+7)/8)
	end := append([]byte(digestInfo), digest[:]...)
	at := copy(padded[len(padded)-len(end):], end)
	for i := 2; i < len(padded)-at-1; i++ {
		padded[i] = 0xff
	}
	padded[1] = 1
	message, e := new(big.Int).SetBytes(padded), big.NewInt(int64(k.E))
	random := make([]byte, len(padded)+8)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	blind := new(big.Int).Mod(new(big.Int).SetBytes(random), k.N)
	back := new(big.Int).ModInverse(blind, k.N)
	if back == nil { // it shares a factor with the modulus: never for a real key
		return nil, errNoRSA
	}
	blinded := blind.Exp(blind, e, k.N)
	blinded.Mul(blinded, message).Mod(blinded, k.N)
	signature := blinded.Exp(blinded, k.D, k.N)
	signature.Mul(signature, back).Mod(signature, k.N)
	if new(big.Int).Exp(signature, e, k.N).Cmp(message) != 0 { // the numbers do not belong together
		return nil, errNoRSA
	}
	return signature.FillBytes(padded), nil
}
