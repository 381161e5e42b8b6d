// A bill of the present carrier as a file.

/** Types that the carrier takes. */
export const ACCEPTED = ['application/pdf', 'image/jpeg', 'image/png'];
/** Largest file in bytes, as the API has it. */
const MOST_BYTES = 10 * 1024 * 1024;

/** Why a file cannot be sent; null if it can. @param {{ type: string, size: number }} file */
export function problemOf({ type, size }) {
  if (!ACCEPTED.includes(type)) return 'The bill must be a PDF, JPEG or PNG file.';
  if (size === 0) return 'The file is empty.';
  if (size > MOST_BYTES) return 'The bill must have at most 10 MB: scan it with less detail.';
  return null;
}

/** The content in base64. @param {File} file @returns {Promise<string>} */
export function base64Of(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onerror = () => reject(reader.error ?? new Error('not read'));
    // `data:TYPE;base64,CONTENT`
    reader.onload = () => resolve(String(reader.result).split(',')[1] ?? '');
    reader.readAsDataURL(file);
  });
}
