//! `strongroom._core`: the Rust core for Python.
//!
//! Nothing but conversion: bytes and integers in, bytes and integers out. Work runs without the GIL, and a
//! panic below becomes the refusal `core.panic`. Plaintext shares, nonces and the seal key stay in Rust, among locked pages.
#![deny(unsafe_code)]

mod reading;

use std::path::PathBuf;
use std::sync::Mutex;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use strongroom_threshold as core;
use strongroom_threshold::{Incoming, KeyPublic, Outcome, Progress, Refusal, Scheme, SignRequest};

pyo3::create_exception!(
    _core,
    CoreError,
    PyException,
    "A refusal of the core: args are (code: str, message: str, culprits: tuple[int, ...])."
);

#[global_allocator]
static ALLOCATOR: strongroom_pages::Allocator = strongroom_pages::Allocator;

/// Run `work` among the locked pages and without the GIL; refusals, and panics as `core.panic`, become `CoreError`.
fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, Refusal> + Send) -> PyResult<T> {
    let done = py.detach(|| strongroom_pages::run(|| core::guarded(work)));
    refused(py, done.unwrap_or_else(|| Err(Refusal::new("core.thread", "the core's thread cannot be started"))))
}

fn refused<T>(py: Python<'_>, done: Result<T, Refusal>) -> PyResult<T> {
    done.or_else(|Refusal { code, message, culprits }| {
        let culprits = PyTuple::new(py, culprits.into_iter().map(u32::from))?.unbind();
        Err(CoreError::new_err((code, message, culprits)))
    })
}

fn hash(name: &str, bytes: &[u8]) -> Result<[u8; 32], Refusal> {
    bytes.try_into().map_err(|_| Refusal::new("core.argument", format!("{name} must have 32 bytes")))
}

fn small(name: &str, value: u32) -> Result<u8, Refusal> {
    u8::try_from(value).map_err(|_| Refusal::new("core.argument", format!("{name} must be at most 255")))
}

/// Public facts of a key and one party's share of it.
#[pyclass(frozen, module = "strongroom._core")]
struct KeyInfo {
    public: KeyPublic,
}

#[pymethods]
impl KeyInfo {
    #[getter]
    fn scheme(&self) -> &'static str {
        self.public.scheme.name()
    }
    #[getter]
    fn epoch(&self) -> u32 {
        self.public.epoch
    }
    #[getter]
    fn index(&self) -> u32 {
        self.public.index.into()
    }
    #[getter]
    fn n(&self) -> u32 {
        self.public.parameters.n.into()
    }
    #[getter]
    fn t(&self) -> u32 {
        self.public.parameters.t.into()
    }
    #[getter]
    fn public_key<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.public.public_key)
    }
    #[getter]
    fn verifying_shares<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.public.verifying_shares.iter().map(|share| PyBytes::new(py, share)))
    }
    #[getter]
    fn chain_code<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.public.chain_code.as_ref().map(|code| PyBytes::new(py, code))
    }
    #[getter]
    fn transcript<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.public.transcript)
    }
}

/// A key that all participants confirmed, with this party's sealed share.
#[pyclass(frozen, module = "strongroom._core")]
struct Keygen {
    public: KeyPublic,
    sealed: Vec<u8>,
}

#[pymethods]
impl Keygen {
    #[getter]
    fn info(&self) -> KeyInfo {
        KeyInfo { public: self.public.clone() }
    }
    #[getter]
    fn sealed<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.sealed)
    }
}

/// A signature that verified under the key.
#[pyclass(frozen, module = "strongroom._core")]
struct Signature {
    signature: core::Signature,
}

#[pymethods]
impl Signature {
    #[getter]
    fn bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.signature.bytes)
    }
    #[getter]
    fn recovery_id(&self) -> Option<u32> {
        self.signature.recovery_id.map(u32::from)
    }
}

#[pyclass(frozen, module = "strongroom._core")]
struct Vault {
    vault: core::Vault,
}

#[pymethods]
impl Vault {
    #[staticmethod]
    fn open(py: Python<'_>, directory: PathBuf) -> PyResult<Self> {
        detached(py, || core::Vault::open(&directory)).map(|vault| Self { vault })
    }

    #[allow(clippy::too_many_arguments)]
    fn keygen(
        &self,
        py: Python<'_>,
        scheme: &str,
        session_id: &[u8],
        index: u32,
        n: u32,
        t: u32,
        epoch: u32,
    ) -> PyResult<Session> {
        detached(py, || {
            let scheme = Scheme::parse(scheme)?;
            let session_id = hash("session_id", session_id)?;
            self.vault.keygen(scheme, session_id, small("index", index)?, small("n", n)?, small("t", t)?, epoch)
        })
        .map(Session::new)
    }

    #[allow(clippy::too_many_arguments)]
    fn sign(
        &self,
        py: Python<'_>,
        sealed: &[u8],
        session_id: &[u8],
        participants: Vec<u32>,
        message: &[u8],
        path: Vec<u32>,
        epoch: u32,
    ) -> PyResult<Session> {
        detached(py, || {
            let session_id = hash("session_id", session_id)?;
            let participants =
                participants.into_iter().map(|index| small("participants", index)).collect::<Result<_, _>>()?;
            self.vault.sign(SignRequest { sealed, session_id, participants, message: message.to_vec(), path, epoch })
        })
        .map(Session::new)
    }

    fn refresh(&self, py: Python<'_>, sealed: &[u8], session_id: &[u8], epoch: u32) -> PyResult<Session> {
        detached(py, || self.vault.refresh(sealed, hash("session_id", session_id)?, epoch)).map(Session::new)
    }

    fn inspect(&self, py: Python<'_>, sealed: &[u8]) -> PyResult<KeyInfo> {
        detached(py, || self.vault.inspect(sealed)).map(|public| KeyInfo { public: (*public).clone() })
    }

    fn forget(&self, py: Python<'_>) -> PyResult<()> {
        detached(py, || {
            self.vault.forget();
            Ok(())
        })
    }
}

type Messages<'py> = Vec<(Option<u32>, Bound<'py, PyBytes>)>;

#[pyclass(frozen, module = "strongroom._core")]
struct Session {
    /// Poisoned by a panic: the session then stays refused.
    session: Mutex<core::VaultSession>,
}

impl Session {
    fn new(session: core::VaultSession) -> Self {
        Self { session: Mutex::new(session) }
    }
}

#[pymethods]
impl Session {
    #[getter]
    fn next_step_is_probe(&self, py: Python<'_>) -> PyResult<bool> {
        refused(py, self.session.lock().map_err(|_| lost()).map(|session| session.next_step_is_probe()))
    }

    /// `inbox`: (sender, broadcast, data) of one complete round; gives (outgoing, done).
    fn step<'py>(
        &self,
        py: Python<'py>,
        inbox: Vec<(u32, bool, Bound<'py, PyBytes>)>,
    ) -> PyResult<(Messages<'py>, Option<Py<PyAny>>)> {
        let mut messages = Vec::with_capacity(inbox.len());
        for (sender, broadcast, data) in inbox {
            // 0 is nobody's index: a number out of range is refused by the core as an unknown sender.
            let sender = u8::try_from(sender).unwrap_or(0);
            messages.push(Incoming { sender, broadcast, data: data.as_bytes().to_vec() });
        }
        match detached(py, || self.session.lock().map_err(|_| lost())?.step(messages))? {
            Progress::Send(outgoing) => {
                let outgoing = outgoing
                    .into_iter()
                    .map(|message| (message.recipient.map(u32::from), PyBytes::new(py, &message.data)))
                    .collect();
                Ok((outgoing, None))
            }
            Progress::Done(Outcome::Keygen(keygen)) => {
                let core::Keygen { public, sealed } = *keygen;
                Ok((Vec::new(), Some(Py::new(py, Keygen { public, sealed })?.into_any())))
            }
            Progress::Done(Outcome::Signature(signature)) => {
                Ok((Vec::new(), Some(Py::new(py, Signature { signature })?.into_any())))
            }
        }
    }
}

/// Bytes that hold secrets: in locked pages, in pages that the kernel did not lock, and outside for want of room.
#[pyfunction]
fn memory() -> (usize, usize, usize) {
    let held = strongroom_pages::held();
    (held.locked, held.unlocked, held.outside)
}

fn lost() -> Refusal {
    Refusal::new("session.finished", "this session has ended; start another")
}

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // A panic is reported as core.panic; the default hook would print its message.
    std::panic::set_hook(Box::new(|_| ()));
    module.add("CoreError", module.py().get_type::<CoreError>())?;
    module.add_class::<Vault>()?;
    module.add_class::<Session>()?;
    module.add_class::<KeyInfo>()?;
    module.add_class::<Keygen>()?;
    module.add_class::<Signature>()?;
    module.add_function(wrap_pyfunction!(memory, module)?)?;
    module.add_function(wrap_pyfunction!(reading::grow, module)?)?;
    module.add_function(wrap_pyfunction!(reading::keccak256, module)?)?;
    module.add_function(wrap_pyfunction!(reading::parse, module)?)?;
    module.add_function(wrap_pyfunction!(reading::prepare, module)?)?;
    Ok(())
}
