package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/addonctl/addonctl/pkg/artifact"
)

// catalogFile is what a published catalog is called.
const catalogFile = "catalog.tgz"

// signedCatalog is the result of `catalog sign`.
type signedCatalog struct {
	Folder  string    `json:"folder"`
	Version int64     `json:"version"`
	Digest  string    `json:"digest"`
	Signed  time.Time `json:"signed"`
	Expires time.Time `json:"expires"`
	// Unsigned : no key was given, and somebody else has to sign the statement.
	Unsigned bool `json:"unsigned,omitempty"`
}

func (s signedCatalog) name() string { return s.Digest }

func (s signedCatalog) table(w io.Writer, _ bool) {
	fmt.Fprintf(w, "version %d of the catalog, %s, until %s\n", s.Version, s.Digest, s.Expires.Format(time.RFC3339))
	file := filepath.Join(s.Folder, catalogFile)
	fmt.Fprintf(w, "  %s\n  %s\n", file, file+artifact.StatementSuffix)
	if !s.Unsigned {
		fmt.Fprintf(w, "  %s\n", file+artifact.SignatureSuffix)
		return
	}
	fmt.Fprintf(w, "nobody has signed it: have the statement signed, and put the signature in base64 beside it\n  %s\n", file+artifact.SignatureSuffix)
}

func (a *app) catalogSignCommand() *cobra.Command {
	var key, to string
	var number int64
	var valid time.Duration
	c := &cobra.Command{
		Use:   "sign --from DIR --number N --to FOLDER [--key FILE]",
		Short: "Pack a catalog and sign it, for the managers of hubs to take",
		Long: `Writes three files to a folder: the packed catalog, a statement with its digest, its number and when it expires, and the signature of
the statement. A manager takes them from a web server or a registry, when one of the public keys in its AddonCatalog has signed them, they have
not expired, and the number is not below the one it read before (docs/catalog.md).

The key is a private one in PEM (PKCS #8), Ed25519 or ECDSA on P-256. Without --key nothing is signed: do that where the key is, such as with
cosign sign-blob.`,
		Example: `  openssl genpkey -algorithm ed25519 -out key.pem
  addonctl catalog sign --from ./catalog --number 7 --key key.pem --to ./out
  addonctl catalog sign --from ./catalog --number 7 --to ./out
  cosign sign-blob --key cosign.key --output-signature out/catalog.tgz.statement.sig out/catalog.tgz.statement`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case a.catalogDir == "":
				return usage("name the folder with --from", "addonctl catalog sign needs --from")
			case to == "":
				return usage("name the folder that the files go to", "addonctl catalog sign needs --to")
			case number < 1:
				return usage("take one more than that of the catalog that is published now; the first is 1", "--number %d: it has to be 1 or more", number)
			case valid < time.Minute:
				return usage("such as 720h", "--valid %s: it has to be a minute or more", valid)
			}
			r, err := a.sign(key, to, number, valid)
			if err != nil {
				return err
			}
			return a.print(r)
		},
	}
	f := c.Flags()
	f.StringVar(&key, "key", "", "file with the private key; without it nothing is signed")
	f.StringVar(&to, "to", "", "folder that the files go to; it is made when it is missing")
	f.Int64Var(&number, "number", 0, "number of this catalog, above that of the one before")
	f.DurationVar(&valid, "valid", 30*24*time.Hour, "how long it is taken: sign it anew before that is over")
	_ = c.MarkFlagDirname("to")
	_ = c.MarkFlagFilename("key")
	a.fromFlag(c)
	return c
}

// sign writes nothing before everything is made.
func (a *app) sign(key, to string, number int64, valid time.Duration) (signedCatalog, error) {
	if _, err := a.catalog(); err != nil { // with every fault
		return signedCatalog{}, err
	}
	archive, err := artifact.Pack(os.DirFS(a.catalogDir))
	if err != nil {
		return signedCatalog{}, fmt.Errorf("--from %s: %w", a.catalogDir, err)
	}
	signed := time.Now().UTC().Truncate(time.Second)
	s := artifact.Statement{Version: number, Signed: signed, Expires: signed.Add(valid), Digest: artifact.DigestOf(archive)}
	statement, err := s.Encode()
	if err != nil {
		return signedCatalog{}, err
	}
	file := filepath.Join(to, catalogFile)
	parts := [][2]string{{file, string(archive)}, {file + artifact.StatementSuffix, string(statement)}}
	if key != "" {
		signature, err := signature(statement, key)
		if err != nil {
			return signedCatalog{}, err
		}
		parts = append(parts, [2]string{file + artifact.SignatureSuffix, signature})
	} else if err := os.Remove(file + artifact.SignatureSuffix); err != nil && !errors.Is(err, os.ErrNotExist) { // that of another statement
		return signedCatalog{}, fmt.Errorf("removing an old signature: %w", err)
	}
	if err := os.MkdirAll(to, 0o750); err != nil {
		return signedCatalog{}, fmt.Errorf("making the folder: %w", err)
	}
	for _, part := range parts {
		if err := os.WriteFile(part[0], []byte(part[1]), 0o644); err != nil { //nolint:gosec // it is to be published
			return signedCatalog{}, fmt.Errorf("writing %s: %w", part[0], err)
		}
	}
	return signedCatalog{Folder: to, Version: number, Digest: s.Digest, Signed: s.Signed, Expires: s.Expires, Unsigned: key == ""}, nil
}

// signature is that of a statement by the key in a file.
func signature(statement []byte, file string) (string, error) {
	key, err := os.ReadFile(file)
	if err != nil {
		return "", usage("openssl genpkey -algorithm ed25519 -out key.pem makes one", "--key: %s", err)
	}
	out, err := artifact.Sign(statement, string(key))
	if err != nil {
		hint := ""
		if e := (*artifact.Error)(nil); errors.As(err, &e) {
			hint = e.Fix
		}
		return "", usage(hint, "--key %s: %s", file, err)
	}
	return string(out), nil
}
