/** Test accuracy in percent that the paper prints in Table 1 (best over epochs, one seed). */
export const paperAccuracy: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  EthanolConcentration: { 'Trans.': 32.7, 'Primal.': 33.1, 'Primal.+Trans.': 35.4 },
  FaceDetection: { 'Trans.': 67.3, 'Primal.': 67.1, 'Primal.+Trans.': 63.8 },
  Handwriting: { 'Trans.': 32.0, 'Primal.': 29.6, 'Primal.+Trans.': 28.7 },
  Heartbeat: { 'Trans.': 76.1, 'Primal.': 76.1, 'Primal.+Trans.': 77.1 },
  JapaneseVowels: { 'Trans.': 98.7, 'Primal.': 98.4, 'Primal.+Trans.': 98.9 },
  'PEMS-SF': { 'Trans.': 82.1, 'Primal.': 89.6, 'Primal.+Trans.': 90.2 },
  SelfRegulationSCP1: { 'Trans.': 92.2, 'Primal.': 92.5, 'Primal.+Trans.': 92.5 },
  SelfRegulationSCP2: { 'Trans.': 53.9, 'Primal.': 57.2, 'Primal.+Trans.': 56.1 },
  SpokenArabicDigits: { 'Trans.': 98.4, 'Primal.': 100, 'Primal.+Trans.': 100 },
  UWaveGestureLibrary: { 'Trans.': 85.6, 'Primal.': 86.3, 'Primal.+Trans.': 88.4 },
};
