//! RFC 9591 appendix E.1 (Ed25519) and its BIP-340 variant: our phases, run from the published nonces.

use std::collections::BTreeMap;
use std::sync::Arc;

use frost_core::keys::{KeyPackage, PublicKeyPackage, SigningShare, VerifyingShare};
use frost_core::round1::{Nonce, SigningNonces};
use frost_core::{Signature, VerifyingKey};
use serde_json::Value;

use super::sign::second;
use super::{Bip340, Ed25519, FrostShare, Suite, identifier};
use crate::error::Result;
use crate::frame::Purpose;
use crate::scheme::{Parameters, Scheme};
use crate::session::{Awaits, Incoming, Output, Phase, Round, Session, Setup, Step, Turn};

/// The first phase with nonces that are not random.
struct Published<C: Suite> {
    setup: Arc<Setup>,
    share: Arc<FrostShare<C>>,
    message: Vec<u8>,
    nonces: SigningNonces<C>,
}

impl<C: Suite> Phase for Published<C> {
    fn awaits(&self) -> Awaits {
        Awaits::Nothing
    }
    fn run(self: Box<Self>, _: Round) -> Result<Turn> {
        let Self { setup, share, message, nonces } = *self;
        second(setup, share, message, nonces)
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn list<'v>(value: &'v Value, key: &str) -> Vec<(u8, &'v Value)> {
    value[key].as_array().unwrap().iter().map(|one| (one["identifier"].as_u64().unwrap() as u8, one)).collect()
}

fn reproduces<C: Suite>(scheme: Scheme, text: &str) {
    let vector: Value = serde_json::from_str(text).unwrap();
    let inputs = &vector["inputs"];
    let group = VerifyingKey::<C>::deserialize(&bytes(&inputs["verifying_key_key"])).unwrap();
    let shares: BTreeMap<u8, SigningShare<C>> = list(inputs, "participant_shares")
        .into_iter()
        .map(|(i, one)| (i, SigningShare::deserialize(&bytes(&one["participant_share"])).unwrap()))
        .collect();
    let verifying = shares.iter().map(|(&i, share)| (identifier(i).unwrap(), VerifyingShare::from(*share))).collect();
    let public = PublicKeyPackage::<C>::new(verifying, group, Some(2));
    let message = bytes(&inputs["message"]);

    let mut sessions = BTreeMap::new();
    for (i, one) in list(&vector["round_one_outputs"], "outputs") {
        let parameters = Parameters::new(3, 2).unwrap();
        let setup = Setup::new(scheme, Purpose::Sign, [5; 32], parameters, 0, i, vec![1, 3], &[&message]).unwrap();
        let key = KeyPackage::new(identifier(i).unwrap(), shares[&i], VerifyingShare::from(shares[&i]), group, 2);
        let nonce = |name: &str| Nonce::<C>::deserialize(&bytes(&one[name])).unwrap();
        let nonces = SigningNonces::from_nonces(nonce("hiding_nonce"), nonce("binding_nonce"));
        let commitment = |name: &str| bytes(&one[name]);
        assert_eq!(nonces.commitments().hiding().serialize().unwrap(), commitment("hiding_nonce_commitment"));
        assert_eq!(nonces.commitments().binding().serialize().unwrap(), commitment("binding_nonce_commitment"));
        let setup = Arc::new(setup);
        let share = Arc::new(FrostShare { key, public: public.clone() });
        let first = Published { setup: Arc::clone(&setup), share, message: message.clone(), nonces };
        sessions.insert(i, Session::new(setup, Box::new(first)));
    }

    let expected_shares = list(&vector["round_two_outputs"], "outputs");
    let mut wire: Vec<(u8, Vec<u8>)> = Vec::new();
    for round in 0..3 {
        let mut sent = Vec::new();
        for (&i, session) in &mut sessions {
            let others = wire.iter().filter(|(from, _)| *from != i);
            let inbox =
                others.map(|(from, data)| Incoming { sender: *from, broadcast: true, data: data.clone() }).collect();
            match session.step(inbox).unwrap() {
                Step::Send(messages) => sent.extend(messages.into_iter().map(|message| (i, message.data))),
                Step::Done(Output::Signature { bytes: signed, recovery_id }) => {
                    assert_eq!((round, recovery_id), (2, None));
                    assert_eq!(signed.to_vec(), bytes(&vector["final_output"]["sig"]));
                    group.verify(&message, &Signature::deserialize(&signed).unwrap()).unwrap();
                }
                Step::Done(Output::Key(_)) => panic!("a key from a signature"),
            }
        }
        if round == 1 {
            for ((i, one), (from, data)) in expected_shares.iter().zip(&sent) {
                assert_eq!((i, &bytes(&one["sig_share"])[..]), (from, &data[crate::frame::HEADER_LENGTH..]));
            }
        }
        wire = sent;
    }
}

#[test]
fn rfc_9591_appendix_e1_ed25519() {
    reproduces::<Ed25519>(Scheme::Ed25519Frost, include_str!("../../../../tests/vectors/rfc9591-ed25519.json"));
}

#[test]
fn frost_secp256k1_tr_published_vector() {
    reproduces::<Bip340>(Scheme::Bip340Frost, include_str!("../../../../tests/vectors/frost-secp256k1-tr.json"));
}

/// The verifier that accepts our aggregates gives BIP-340's verdicts.
#[test]
fn bip_340_test_vectors() {
    let vectors: Value = serde_json::from_str(include_str!("../../../../tests/vectors/bip340.json")).unwrap();
    for vector in vectors["vectors"].as_array().unwrap() {
        let even = [&[2u8][..], &bytes(&vector["public_key"])].concat();
        let verified = VerifyingKey::<Bip340>::deserialize(&even).and_then(|key| {
            key.verify(&bytes(&vector["message"]), &Signature::deserialize(&bytes(&vector["signature"]))?)
        });
        assert_eq!(Value::Bool(verified.is_ok()), vector["valid"], "index {}", vector["index"]);
    }
}
