//! Distributed key generation (<https://eprint.iacr.org/2023/602>, protocol 9.1), four rounds after the
//! exchange of channel keys (`private`), which encrypt what is direct.
//!
//! | round | broadcast | direct |
//! |---|---|---|
//! | 1 | – | polynomial fragment |
//! | 2 | commitments: proof, chain code | zero-share commitment |
//! | 3 | openings: proof, chain code | zero-share seed, oblivious-transfer set-up |
//! | 4 | transcript | – |
//!
//! The library's `ProofCommitment` holds proof and commitment together; sent as it is, the last party could
//! choose its point after seeing the others'. So the commitment goes first, alone, next to a second one that
//! is bound to its author: the library's own would open as well for a party that copied it.
//!
//! A refresh is the same run among the same parties; in its end the fresh key gives way to the one they hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use dkls23_core::DkgSession;
use dkls23_core::protocols::derivation::ChainCode;
use dkls23_core::protocols::dkg::{
    BroadcastDerivationPhase2to4, BroadcastDerivationPhase3to4, ProofCommitment, TransmitInitMulPhase3to4,
    TransmitInitZeroSharePhase2to4, TransmitInitZeroSharePhase3to4,
};
use dkls23_core::protocols::{Parameters, PartiesMessage, PartyIndex};
use dkls23_core::utilities::proofs::DLogProof;
use k256::{Scalar, Secp256k1};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::abort::refusal;
use super::refresh::Held;
use super::share::DklsShare;
use super::{decode, encode, index, point_bytes};
use crate::commitment;
use crate::error::{Refusal, Result};
use crate::hash::Hash;
use crate::keygen::{Draft, confirm};
use crate::session::{Awaits, Phase, Round, Sends, Setup, Turn};

/// Round 2, broadcast.
#[derive(Serialize, Deserialize)]
struct Commitments {
    proof: Hash,
    /// Ours, over the proof, bound to its author.
    authored: Hash,
    chain_code: Hash,
}

/// Round 3, broadcast.
#[derive(Serialize, Deserialize)]
struct Openings {
    proof: Vec<u8>,
    authored_salt: Hash,
    chain_code: ChainCode,
    chain_code_salt: Vec<u8>,
}

/// Round 3, direct.
#[derive(Serialize, Deserialize)]
struct Initialization {
    zero: TransmitInitZeroSharePhase3to4,
    multiplication: TransmitInitMulPhase3to4<Secp256k1>,
}

/// The sender that a library message names must be the one that the transport authenticated.
fn routed(setup: &Setup, sender: u8, parties: &PartiesMessage) -> Result<()> {
    if parties.sender.as_u8() == sender && parties.receiver.as_u8() == setup.me {
        return Ok(());
    }
    Err(Refusal::new("session.sender", format!("party {sender} sent a message in another party's name")).by(sender))
}

pub fn keygen(setup: Arc<Setup>) -> Box<dyn Phase> {
    Box::new(Start { setup, held: None })
}

pub fn refresh(setup: Arc<Setup>, held: Held) -> Box<dyn Phase> {
    Box::new(Start { setup, held: Some(held) })
}

struct Start {
    setup: Arc<Setup>,
    /// The share that a refresh keeps.
    held: Option<Held>,
}

impl Phase for Start {
    fn awaits(&self) -> Awaits {
        Awaits::Nothing
    }

    fn run(self: Box<Self>, _: Round) -> Result<Turn> {
        let Self { setup, held } = *self;
        let parameters = Parameters::new(setup.parameters.t, setup.parameters.n)
            .map_err(|_| Refusal::new("key.parameters", "the library refuses these parameters"))?;
        let session = DkgSession::new(parameters, index(setup.me)?, setup.binding.to_vec());
        let fragments = Zeroizing::new(session.phase1());
        let mut own = None;
        let mut direct = Vec::new();
        for (&party, fragment) in setup.participants.iter().zip(fragments.iter()) {
            if party == setup.me {
                own = Some(Zeroizing::new(*fragment));
            } else {
                direct.push((party, encode(fragment)?));
            }
        }
        let own = own.ok_or_else(|| Refusal::internal("no fragment for this party"))?;
        Ok(Turn::Next(Box::new(Dealt { setup, held, session, own }), Sends::direct(direct)))
    }
}

/// Fragments are out; the others' are awaited.
struct Dealt {
    setup: Arc<Setup>,
    held: Option<Held>,
    session: DkgSession<Secp256k1>,
    own: Zeroizing<Scalar>,
}

impl Phase for Dealt {
    fn awaits(&self) -> Awaits {
        Awaits::Direct
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        let Self { setup, held, mut session, own } = *self;
        let mut fragments = Zeroizing::new(Vec::with_capacity(setup.participants.len()));
        fragments.push(*own);
        for (sender, body) in round.directs() {
            fragments.push(decode::<Scalar>(sender, "fragment", body)?);
        }
        let (proof, zero, chain_code) = session.phase2(&fragments).map_err(refusal)?;
        let opened = encode(&proof.proof)?;
        let (salt, authored) = commitment::commit(&setup, &opened)?;
        let broadcast =
            encode(&Commitments { proof: proof.commitment, authored, chain_code: chain_code.cc_commitment })?;
        let direct = zero
            .iter()
            .map(|message| Ok((message.parties.receiver.as_u8(), encode(message)?)))
            .collect::<Result<Vec<_>>>()?;
        let next = Committed { setup, held, session, proof, opened, salt, chain_code };
        Ok(Turn::Next(Box::new(next), Sends { broadcast: Some(broadcast), direct }))
    }
}

/// Commitments are out; the others' are awaited before anything is opened.
struct Committed {
    setup: Arc<Setup>,
    held: Option<Held>,
    session: DkgSession<Secp256k1>,
    proof: ProofCommitment<Secp256k1>,
    opened: Vec<u8>,
    salt: Hash,
    chain_code: BroadcastDerivationPhase2to4,
}

impl Phase for Committed {
    fn awaits(&self) -> Awaits {
        Awaits::Both
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        let Self { setup, held, mut session, proof, opened, salt, chain_code } = *self;
        let mut commitments = BTreeMap::new();
        for (sender, body) in round.broadcasts() {
            commitments.insert(sender, decode::<Commitments>(sender, "commitment", body)?);
        }
        let mut zero_commitments = Vec::new();
        for (sender, body) in round.directs() {
            let message: TransmitInitZeroSharePhase2to4 = decode(sender, "zero-share commitment", body)?;
            routed(&setup, sender, &message.parties)?;
            zero_commitments.push(message);
        }
        let (zero, multiplication, opening) = session.phase3().map_err(refusal)?;
        let broadcast = encode(&Openings {
            proof: opened,
            authored_salt: salt,
            chain_code: opening.aux_chain_code,
            chain_code_salt: opening.cc_salt.clone(),
        })?;
        let mut multiplication: BTreeMap<PartyIndex, _> =
            multiplication.into_iter().map(|message| (message.parties.receiver, message)).collect();
        let mut direct = Vec::new();
        for zero in zero {
            let receiver = zero.parties.receiver;
            let multiplication =
                multiplication.remove(&receiver).ok_or_else(|| Refusal::internal("no set-up for a counterparty"))?;
            direct.push((receiver.as_u8(), encode(&Initialization { zero, multiplication })?));
        }
        let next = Opened { setup, held, session, proof, commitments, zero_commitments, chain_code, opening };
        Ok(Turn::Next(Box::new(next), Sends { broadcast: Some(broadcast), direct }))
    }
}

/// Openings are out; with the others' the key is complete.
struct Opened {
    setup: Arc<Setup>,
    held: Option<Held>,
    session: DkgSession<Secp256k1>,
    proof: ProofCommitment<Secp256k1>,
    commitments: BTreeMap<u8, Commitments>,
    zero_commitments: Vec<TransmitInitZeroSharePhase2to4>,
    chain_code: BroadcastDerivationPhase2to4,
    opening: BroadcastDerivationPhase3to4,
}

impl Phase for Opened {
    fn awaits(&self) -> Awaits {
        Awaits::Both
    }

    fn run(self: Box<Self>, round: Round) -> Result<Turn> {
        let Self { setup, held, session, proof, commitments, zero_commitments, chain_code, opening } = *self;
        let me = index(setup.me)?;
        let mut proofs = vec![proof];
        let mut chain_commitments = BTreeMap::from([(me, chain_code)]);
        let mut chain_openings = BTreeMap::from([(me, opening)]);
        for (sender, body) in round.broadcasts() {
            let opened: Openings = decode(sender, "opening", body)?;
            let committed = commitments.get(&sender).ok_or_else(|| Refusal::internal("no commitment was kept"))?;
            commitment::open(&setup, sender, &committed.authored, &opened.authored_salt, &opened.proof)?;
            let proof: DLogProof<Secp256k1> = decode(sender, "proof", &opened.proof)?;
            let party = index(sender)?;
            proofs.push(ProofCommitment { index: party, proof, commitment: committed.proof });
            let (cc_commitment, cc_salt) = (committed.chain_code, opened.chain_code_salt);
            chain_commitments.insert(party, BroadcastDerivationPhase2to4 { sender_index: party, cc_commitment });
            let aux_chain_code = opened.chain_code;
            chain_openings.insert(party, BroadcastDerivationPhase3to4 { sender_index: party, aux_chain_code, cc_salt });
        }
        let mut zero_openings = Vec::new();
        let mut multiplications = Vec::new();
        for (sender, body) in round.directs() {
            let Initialization { zero, multiplication } = decode(sender, "initialization", body)?;
            routed(&setup, sender, &zero.parties)?;
            routed(&setup, sender, &multiplication.parties)?;
            zero_openings.push(zero);
            multiplications.push(multiplication);
        }
        let (party, package) = session
            .phase4(
                &proofs,
                &zero_commitments,
                &zero_openings,
                &multiplications,
                &chain_commitments,
                &chain_openings,
                |_| String::new(),
            )
            .map_err(refusal)?;
        if let Some(held) = held {
            let draft = held.renewed(&setup, party)?;
            return confirm(setup, round.view, draft);
        }
        let verifying_shares = setup
            .participants
            .iter()
            .map(|&participant| {
                let share = package.verifying_share(index(participant)?);
                share.map(point_bytes).ok_or_else(|| Refusal::internal("a verifying share is missing"))
            })
            .collect::<Result<Vec<_>>>()?;
        let draft = Draft {
            public_key: point_bytes(&party.pk),
            verifying_shares,
            chain_code: Some(*party.chain_code()),
            share: Arc::new(DklsShare(Arc::new(party))),
        };
        confirm(setup, round.view, draft)
    }
}
