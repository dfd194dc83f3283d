// A peer to measure against: tss-lib (GG18/GG20 ECDSA, EdDSA), all parties in one process.
//
// usage: tss -scheme ecdsa|eddsa -cache DIR -count N
//
// Key generation for three parties with threshold two, then N signatures by two of them. Prints JSON lines:
// {"progress": …} while it works, at the end {"keygen_ms": …, "wall_ms": […], "cpu_ms": […]}.
package main

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/bnb-chain/tss-lib/v2/common"
	ecdsakeygen "github.com/bnb-chain/tss-lib/v2/ecdsa/keygen"
	ecdsasigning "github.com/bnb-chain/tss-lib/v2/ecdsa/signing"
	eddsakeygen "github.com/bnb-chain/tss-lib/v2/eddsa/keygen"
	eddsasigning "github.com/bnb-chain/tss-lib/v2/eddsa/signing"
	"github.com/bnb-chain/tss-lib/v2/tss"
)

const (
	parties   = 3
	threshold = 1 // tss-lib counts the parties that may be bad: two sign
)

func main() {
	scheme := flag.String("scheme", "", "ecdsa or eddsa")
	cache := flag.String("cache", "", "where pre-parameters are kept")
	count := flag.Int("count", 1, "signatures")
	flag.Parse()
	var err error
	switch *scheme {
	case "ecdsa":
		err = runECDSA(*cache, *count)
	case "eddsa":
		err = runEdDSA(*count)
	default:
		err = fmt.Errorf("unknown scheme %q", *scheme)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tss:", err)
		os.Exit(1)
	}
}

func emit(value any) { _ = json.NewEncoder(os.Stdout).Encode(value) }

func progress(format string, args ...any) {
	emit(map[string]string{"progress": fmt.Sprintf(format, args...)})
}

type result struct {
	KeygenMs float64   `json:"keygen_ms"`
	WallMs   []float64 `json:"wall_ms"`
	CPUMs    []float64 `json:"cpu_ms"`
}

func cpu() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

func since(start time.Time) float64 { return float64(time.Since(start).Nanoseconds()) / 1e6 }

// measure signs count distinct digests; the first one, which warms caches, is not counted.
func measure(count int, sign func(digest *big.Int) error) (walls, cpus []float64, err error) {
	for i := 0; i <= count; i++ {
		digest := sha256.Sum256([]byte(fmt.Sprint("message ", i)))
		used, start := cpu(), time.Now()
		if err := sign(new(big.Int).SetBytes(digest[:])); err != nil {
			return nil, nil, err
		}
		if i > 0 {
			walls, cpus = append(walls, since(start)), append(cpus, cpu()-used)
			progress("signature %d of %d", i, count)
		}
	}
	return walls, cpus, nil
}

// preParams loads a party's Paillier key and safe primes, or makes and keeps them: they take up to a minute a party.
func preParams(cache string, index int) (*ecdsakeygen.LocalPreParams, error) {
	path := filepath.Join(cache, fmt.Sprintf("pre-parameters-%d.json", index))
	var found ecdsakeygen.LocalPreParams
	if raw, err := os.ReadFile(path); err == nil {
		if json.Unmarshal(raw, &found) == nil && found.Validate() && found.ValidateWithProof() {
			return &found, nil
		}
	}
	progress("pre-parameters of party %d of %d (once, then kept)", index, parties)
	made, err := ecdsakeygen.GeneratePreParams(15 * time.Minute)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(made)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return nil, err
	}
	return made, os.WriteFile(path, raw, 0o600)
}

func partyIDs(count int) tss.SortedPartyIDs {
	var ids tss.UnSortedPartyIDs
	for i := 1; i <= count; i++ {
		ids = append(ids, tss.NewPartyID(fmt.Sprint(i), fmt.Sprintf("party %d", i), big.NewInt(int64(i))))
	}
	return tss.SortPartyIDs(ids)
}

// drive starts all parties and carries their messages, serialized as they would travel, until each has its result.
func drive[R any](all []tss.Party, out <-chan tss.Message, end <-chan R) ([]R, error) {
	errs := make(chan *tss.Error, 64)
	for _, party := range all {
		go func() {
			if err := party.Start(); err != nil {
				errs <- err
			}
		}()
	}
	deliver := func(to tss.Party, wire []byte, message tss.Message) {
		if _, err := to.UpdateFromBytes(wire, message.GetFrom(), message.IsBroadcast()); err != nil {
			errs <- err
		}
	}
	var results []R
	for len(results) < len(all) {
		select {
		case err := <-errs:
			return nil, err
		case message := <-out:
			wire, _, err := message.WireBytes()
			if err != nil {
				return nil, err
			}
			for _, party := range all {
				if party.PartyID().Index != message.GetFrom().Index && addressed(message, party) {
					go deliver(party, wire, message)
				}
			}
		case done := <-end:
			results = append(results, done)
		}
	}
	return results, nil
}

func addressed(message tss.Message, party tss.Party) bool {
	if message.GetTo() == nil {
		return true
	}
	for _, id := range message.GetTo() {
		if id.Index == party.PartyID().Index {
			return true
		}
	}
	return false
}

func runECDSA(cache string, count int) error {
	ids := partyIDs(parties)
	var pre []ecdsakeygen.LocalPreParams
	for i := range ids {
		made, err := preParams(cache, i+1)
		if err != nil {
			return err
		}
		pre = append(pre, *made)
	}
	progress("key generation")
	start := time.Now()
	out, end := make(chan tss.Message, 64), make(chan *ecdsakeygen.LocalPartySaveData, parties)
	var all []tss.Party
	for i, id := range ids {
		parameters := tss.NewParameters(tss.S256(), tss.NewPeerContext(ids), id, parties, threshold)
		all = append(all, ecdsakeygen.NewLocalParty(parameters, out, end, pre[i]))
	}
	shares, err := drive(all, out, end)
	if err != nil {
		return err
	}
	keygen := since(start)
	byID := map[string]ecdsakeygen.LocalPartySaveData{}
	for _, share := range shares {
		byID[share.ShareID.String()] = *share
	}
	signers := partyIDs(threshold + 1)
	walls, cpus, err := measure(count, func(digest *big.Int) error {
		out, end := make(chan tss.Message, 64), make(chan *common.SignatureData, len(signers))
		var all []tss.Party
		for _, id := range signers {
			parameters := tss.NewParameters(tss.S256(), tss.NewPeerContext(signers), id, len(signers), threshold)
			share := byID[id.KeyInt().String()]
			all = append(all, ecdsasigning.NewLocalParty(digest, parameters, share, out, end))
		}
		signatures, err := drive(all, out, end)
		if err != nil {
			return err
		}
		r, s := new(big.Int).SetBytes(signatures[0].R), new(big.Int).SetBytes(signatures[0].S)
		if !ecdsa.Verify(shares[0].ECDSAPub.ToECDSAPubKey(), digest.Bytes(), r, s) {
			return fmt.Errorf("a signature does not verify")
		}
		return nil
	})
	if err != nil {
		return err
	}
	emit(result{keygen, walls, cpus})
	return nil
}

func runEdDSA(count int) error {
	ids := partyIDs(parties)
	start := time.Now()
	out, end := make(chan tss.Message, 64), make(chan *eddsakeygen.LocalPartySaveData, parties)
	var all []tss.Party
	for _, id := range ids {
		parameters := tss.NewParameters(tss.Edwards(), tss.NewPeerContext(ids), id, parties, threshold)
		all = append(all, eddsakeygen.NewLocalParty(parameters, out, end))
	}
	shares, err := drive(all, out, end)
	if err != nil {
		return err
	}
	keygen := since(start)
	byID := map[string]eddsakeygen.LocalPartySaveData{}
	for _, share := range shares {
		byID[share.ShareID.String()] = *share
	}
	signers := partyIDs(threshold + 1)
	walls, cpus, err := measure(count, func(digest *big.Int) error {
		out, end := make(chan tss.Message, 64), make(chan *common.SignatureData, len(signers))
		var all []tss.Party
		for _, id := range signers {
			parameters := tss.NewParameters(tss.Edwards(), tss.NewPeerContext(signers), id, len(signers), threshold)
			share := byID[id.KeyInt().String()]
			all = append(all, eddsasigning.NewLocalParty(digest, parameters, share, out, end))
		}
		_, err := drive(all, out, end)
		return err // its last round verifies the signature
	})
	if err != nil {
		return err
	}
	emit(result{keygen, walls, cpus})
	return nil
}
