//! Documents and entries as Python objects.

use std::collections::{HashMap, HashSet};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use strongroom_batch::{Signers, Value};

use crate::{detached, hash};

/// Deeper documents are left to the caller: the parser recurses.
const MAX_DEPTH: usize = 64;

/// The object in canonical JSON bytes, or None where they are not canonical.
#[pyfunction]
pub fn parse<'py>(py: Python<'py>, data: &[u8], max_depth: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
    strongroom_batch::parse(data, max_depth.min(MAX_DEPTH)).map(|document| object(py, &document)).transpose()
}

/// Ethereum's hash.
#[pyfunction]
pub fn keccak256<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &strongroom_batch::keccak256(data))
}

/// One more leaf behind `size` others: (peaks that stay, the peak behind them, the root).
#[pyfunction]
pub fn grow<'py>(
    py: Python<'py>,
    size: u64,
    peaks: Vec<PyBackedBytes>,
    leaf: &[u8],
) -> PyResult<(usize, Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let leaf = leaf.try_into().map_err(|_| PyValueError::new_err("a leaf hash has 32 bytes"))?;
    let (kept, peak, root) = strongroom_batch::grow(size, &peaks, leaf);
    Ok((kept, PyBytes::new(py, &peak), PyBytes::new(py, &root)))
}

type Entries<'py> = Vec<Option<(Bound<'py, PyAny>, Bound<'py, PyBytes>)>>;

/// Each entry as (document, leaf hash), None where it is not canonical; and proofs of the signatures by `keys` and `accounts`.
#[pyfunction]
pub fn prepare<'py>(
    py: Python<'py>,
    raws: Vec<PyBackedBytes>,
    keys: HashMap<String, PyBackedBytes>,
    accounts: HashSet<String>,
) -> PyResult<(Entries<'py>, Vec<Bound<'py, PyBytes>>)> {
    let publics = keys.into_iter().map(|(id, public)| Ok((id, hash("public", &public)?)));
    let prepared = detached(py, || {
        let slices: Vec<&[u8]> = raws.iter().map(AsRef::as_ref).collect();
        Ok(strongroom_batch::prepare(&slices, &Signers::new(publics.collect::<Result<Vec<_>, _>>()?, accounts)))
    })?;
    let mut proofs = Vec::new();
    let entries = prepared
        .iter()
        .map(|entry| {
            entry
                .as_ref()
                .map(|entry| {
                    proofs.extend(entry.proofs.iter().map(|proof| PyBytes::new(py, proof)));
                    Ok((object(py, &entry.document)?, PyBytes::new(py, &entry.leaf)))
                })
                .transpose()
        })
        .collect::<PyResult<_>>()?;
    Ok((entries, proofs))
}

fn object<'py>(py: Python<'py>, value: &Value<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(flag) => flag.into_pyobject(py)?.to_owned().into_any(),
        Value::Integer(number) => number.into_pyobject(py)?.into_any(),
        Value::Text(text) => PyString::new(py, text).into_any(),
        Value::List(items) => {
            let list = PyList::empty(py);
            items.iter().try_for_each(|item| list.append(object(py, item)?))?;
            list.into_any()
        }
        Value::Object(members) => {
            let dict = PyDict::new(py);
            members.iter().try_for_each(|(key, item)| dict.set_item(PyString::new(py, key), object(py, item)?))?;
            dict.into_any()
        }
    })
}
