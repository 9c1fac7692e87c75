/** Checksums of a file that we have had. */
export interface KnownFile {
  /** Of the content, unpacked. */
  readonly bytes: number;
  readonly sha256: string;
  /** Of the one packed file that we have had; another packing of the same content is as good. */
  readonly packed?: { readonly ending: '.gz' | '.xz'; readonly bytes: number; readonly sha256: string };
}

/**
 * The files that our results and tests were made with, by their path below the data folder without the ending of their packing.
 * Sums were taken of public copies (shared data folder of the project, its README names each copy's origin); where a publisher
 * states a sum of its own, it stands with the download in `registry.ts`.
 */
export const knownFiles: Readonly<Record<string, KnownFile>> = {
  'lra/image_cifar10/cifar10_test_5000_png.tar': {
    bytes: 15_093_760,
    sha256: '9e2b17211131bb5ea349a42776e9152c8aba7faa49eb174dacc6bd7dc7f04d18',
    packed: {
      ending: '.gz',
      bytes: 11_251_256,
      sha256: '3b025cdfc750f81323c85dfe300618b0f2c88082842fa8582f0b4eb914a0e3b5',
    },
  },
  'lra/image_cifar10/cifar-10-binary.tar': {
    bytes: 184_391_680,
    sha256: 'aaaf26ff1305ec4a3a1f76232c98692d96898a38c9ba22a74f0c84c6a7583e0a',
    packed: {
      ending: '.xz',
      bytes: 136_298_028,
      sha256: '2119570123b0312ec6e76f3b5eee43c191a5d63ad2b505243a1abfb9227d2741',
    },
  },
  'lra/listops/listops_test_d20a.tsv': {
    bytes: 2_905_315,
    sha256: '51aa6a544f3bbf66b82b016071c0f045ad4006442937b788c8f0a448c7abc4b9',
    packed: {
      ending: '.gz',
      bytes: 373_487,
      sha256: '0751567665592280d97e9ee2bd1e1275087ece0379fc1141b9562e656277553a',
    },
  },
  'lra/listops/listops_test_d20s.tsv': {
    bytes: 2_804_179,
    sha256: '71335416e6896e8dd8dc69281c8ed9b37316382d05d3705d660461564e843840',
    packed: {
      ending: '.gz',
      bytes: 373_271,
      sha256: 'dd84d1e7e5760d2544d1140ef541dff6936676d2a74b733c1a8d5f75a384e440',
    },
  },
  'lra/text_imdb/README_aclImdb': {
    bytes: 4_037,
    sha256: 'a69bd3b91235c7fa1d6aadab51e257b7fa3f7b68f32b607483a72bd67f95e557',
  },
  'lra/text_imdb/aclImdb_test.tar': {
    bytes: 51_650_560,
    sha256: '5dd647d4145932c1955ce7d471f95265852a67468aa66337be37f80e02535b01',
    packed: {
      ending: '.gz',
      bytes: 13_819_246,
      sha256: '40ead909b05024b76cc8db6d894104e27929beb472bb8edc1ace44353e9cc2fa',
    },
  },
  'lra/text_imdb/aclImdb_train.tar': {
    bytes: 52_357_120,
    sha256: '25a149bd9bf150a6ff045aa161fc5389c0edd3c40fd5919c9dd204796fae7522',
    packed: {
      ending: '.gz',
      bytes: 14_134_129,
      sha256: '9c4c4fe2cda7708d57dd32651c98319c60935c6790b5ca2cc047db27a502590d',
    },
  },
  'mnist/t10k-images-idx3-ubyte': {
    bytes: 7_840_016,
    sha256: '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
    packed: {
      ending: '.gz',
      bytes: 1_648_877,
      sha256: '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
    },
  },
  'mnist/t10k-labels-idx1-ubyte': {
    bytes: 10_008,
    sha256: 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
    packed: {
      ending: '.gz',
      bytes: 4_542,
      sha256: 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
    },
  },
  'mnist/train-images-idx3-ubyte': {
    bytes: 47_040_016,
    sha256: 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
    packed: {
      ending: '.gz',
      bytes: 9_719_438,
      sha256: '0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971',
    },
  },
  'mnist/train-labels-idx1-ubyte': {
    bytes: 60_008,
    sha256: '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
    packed: {
      ending: '.gz',
      bytes: 28_881,
      sha256: '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
    },
  },
  'uea/Handwriting/Handwriting_TEST.ts': {
    bytes: 3_343_809,
    sha256: '156ee781ad41d58b4e5d48a907aef956f5a3756e1ab2d796c785db1a47863524',
  },
  'uea/Handwriting/Handwriting_TRAIN.ts': {
    bytes: 591_601,
    sha256: 'c187e2288bd7f0667ab7453de436feeadb5dd417c5778a6c62b71852b50736cc',
  },
  'uea/JapaneseVowels/JapaneseVowels_TEST.ts': {
    bytes: 649_132,
    sha256: 'b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462',
  },
  'uea/JapaneseVowels/JapaneseVowels_TRAIN.ts': {
    bytes: 487_971,
    sha256: '68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd',
  },
  'uea/SelfRegulationSCP1/SelfRegulationSCP1.txt': {
    bytes: 2_564,
    sha256: '766d6b427020d11f81cbbd20da0ac969941412155b8ad49b3764a304594fc48e',
  },
  'uea/SelfRegulationSCP1/SelfRegulationSCP1Dimension1_TEST.arff': {
    bytes: 1_581_874,
    sha256: '78dc0c09b85a6c0b16049da79221be7d6c2484b3db37a295c3ac2ad3310079f8',
    packed: {
      ending: '.gz',
      bytes: 505_039,
      sha256: 'ddfb67ab6ae9a8d953386aec01d1d069d24997374d4256fcdb3fc306b2cbdead',
    },
  },
  'uea/SelfRegulationSCP1/SelfRegulationSCP1Dimension1_TRAIN.arff': {
    bytes: 1_423_720,
    sha256: 'e6e36080103b9c43c44d2303e0ff8c612cfaf918a71d84414649cd25e6aa7793',
    packed: {
      ending: '.gz',
      bytes: 457_883,
      sha256: '5b8687e0d496f060b4bb2e82e917128d57a745100a586ae749ef1f31bbe841ca',
    },
  },
  'uea/SelfRegulationSCP1/SelfRegulationSCP1Dimension2_TEST.arff': {
    bytes: 1_582_008,
    sha256: 'bf28a6faf1e83d28b9f5ed23ac0cd696a078f2802018351d813cdaa1c5a3915e',
    packed: {
      ending: '.gz',
      bytes: 505_149,
      sha256: '3c3e73d2ad31d758e2fd379dfa4e4c4736a62487bee6d4b809fb913110cc7568',
    },
  },
  'uea/SelfRegulationSCP1/SelfRegulationSCP1Dimension2_TRAIN.arff': {
    bytes: 1_424_152,
    sha256: '9cc0d8d5b4435ae5bd0ffd21070f9b33d9d5d3da88d6786755c6a4b775a1f901',
    packed: {
      ending: '.gz',
      bytes: 458_643,
      sha256: '2d7b890e1d6ef3e004c6d59e5d1bbbaad71668ceef8cbbb0e86ce46afb19faad',
    },
  },
  'uea/SelfRegulationSCP1/SelfRegulationSCP1Dimension3_TEST.arff': {
    bytes: 1_582_060,
    sha256: 'ce08459cf652aaa5fe8edb48f657395fa5b1eda58716da6689d9f088ce91275f',
    packed: {
      ending: '.gz',
      bytes: 505_169,
      sha256: 'df5ea103368a900badfc942b0815d1ad40e03e70a25df581eaa4d4ddec8664d7',
    },
  },
  'uea/SelfRegulationSCP1/SelfRegulationSCP1Dimension3_TRAIN.arff': {
    bytes: 1_424_572,
    sha256: '77f16590c55e0b713b80ac0d9179e484ea01c4ae0f35ea8240d3f49acc24c0ef',
    packed: {
      ending: '.gz',
      bytes: 459_225,
      sha256: 'f0f66842b410b76e4ed41840ebcf9fb1da413e0e1e55185db861371d7eefc797',
    },
  },
  'uea/SelfRegulationSCP1/SelfRegulationSCP1Dimension4_TEST.arff': {
    bytes: 1_582_172,
    sha256: '325ad0539051b49172dd73c62e99cd855225b88f04c44aaca84da56649d3805b',
    packed: {
      ending: '.gz',
      bytes: 505_204,
      sha256: '2cc7a4ac856781dcc611e626b610638be3505da2fe4e9814e8e0790e60a1bcb3',
    },
  },
  'uea/SelfRegulationSCP1/SelfRegulationSCP1Dimension4_TRAIN.arff': {
    bytes: 1_425_135,
    sha256: '085a7f23c0f0c18fa85025d3e05deca6d1bbccf30e78ec12d1748c3ec6bd6f08',
    packed: {
      ending: '.gz',
      bytes: 459_747,
      sha256: '92391ca4f44ae494d2c3503151aee176105925be07d4e4ab6900d93f8c45b031',
    },
  },
  'uea/SelfRegulationSCP1/SelfRegulationSCP1Dimension5_TEST.arff': {
    bytes: 1_582_271,
    sha256: '7ce6f2b07874323ad1d76bbfdcc26850fc1e7372306b52b19b679cf655d86ee3',
    packed: {
      ending: '.gz',
      bytes: 505_224,
      sha256: '240d9ef0ced97eb82628deb0c1435b4896ff2bc36f491371a1eb0ff5424f7574',
    },
  },
  'uea/SelfRegulationSCP1/SelfRegulationSCP1Dimension5_TRAIN.arff': {
    bytes: 1_425_602,
    sha256: 'fd745523f43475d0bb673ed021035bcd2fa83bbb3a9e7929395e8731fbbdf32f',
    packed: {
      ending: '.gz',
      bytes: 460_205,
      sha256: 'f562df3ed33c1ae445c3bb561b51a32418e9510da8e8a47636b734fd30061d09',
    },
  },
  'uea/SelfRegulationSCP1/SelfRegulationSCP1Dimension6_TEST.arff': {
    bytes: 1_582_357,
    sha256: '8c3e016940fa969c3b01701720026ae66265ef3de56d703c7281d74df5ee84b9',
    packed: {
      ending: '.gz',
      bytes: 505_322,
      sha256: 'c99960b2e6f227c7c5c00fe07f9971c26ffa04ca94db6813cd09e4f0cb051789',
    },
  },
  'uea/SelfRegulationSCP1/SelfRegulationSCP1Dimension6_TRAIN.arff': {
    bytes: 1_426_057,
    sha256: 'f0eb3ab4a6aa4ee0a313125291b919a56382a08a917e3a0499c8b0dccd6fb6c8',
    packed: {
      ending: '.gz',
      bytes: 460_667,
      sha256: 'e17d47d305084a7ebc1c93d0d9cc6d71214f1d7a507051325c1599b8d22832c5',
    },
  },
  'uea/SpokenArabicDigits/Test_Arabic_Digit.txt': {
    bytes: 9_371_474,
    sha256: 'de40eac66ce18fca8924bad592002ee7ef646fc84d48b065ce21ac9f88946922',
    packed: {
      ending: '.gz',
      bytes: 3_625_378,
      sha256: '5e2a53ac1c74cb0359fecbe87849c5d1b30d431e033d0906ef596d74e758aabc',
    },
  },
  'uea/SpokenArabicDigits/Train_Arabic_Digit.txt': {
    bytes: 28_343_795,
    sha256: 'cecd3ee9951658e5391f0342e9b6467ba7c0e7ecff5c9012b9c1ed9f81b97bc6',
    packed: {
      ending: '.gz',
      bytes: 10_986_579,
      sha256: 'f3a5cafdb6ccf034f213c697137b25aa8c11ec02f97acec9dcf41115e0d6bd5b',
    },
  },
  'uea/UWaveGestureLibrary/UWaveGestureLibrary_TEST.ts': {
    bytes: 2_445_046,
    sha256: '517dbc817c3f181c64727a84ee8bd0cedd3554346042898b9107010b690c331a',
  },
  'uea/UWaveGestureLibrary/UWaveGestureLibrary_TRAIN.ts': {
    bytes: 918_539,
    sha256: 'cb7cd8cb995775d30dacbfd5c2a9cb3a80dfbd186fd444294bae70c9162dead1',
  },
  'wikitext/wikitext-2/wiki.test.raw': {
    bytes: 1_290_590,
    sha256: '173c87a53759e0201f33e0ccf978e510c2042d7f2cb78229d9a50d79b9e7dd08',
    packed: {
      ending: '.gz',
      bytes: 444_588,
      sha256: '2e33b800b514b0fb3d034bb800e43eb5f696e6ebd14e6097bcd7a9ad70d53688',
    },
  },
  'wikitext/wikitext-2/wiki.test.tokens': {
    bytes: 1_256_449,
    sha256: 'd790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0',
    packed: {
      ending: '.gz',
      bytes: 410_674,
      sha256: 'a2b26b5d2619cc1f6cd34c8e116a451aed09af51479346aadfbf508ceb8b192e',
    },
  },
  'wikitext/wikitext-2/wiki.valid.raw': {
    bytes: 1_146_846,
    sha256: '4cd0f6876d07a413aa911261ff6d363c72d757d47f0fdd6015702014c89cb9c7',
    packed: {
      ending: '.gz',
      bytes: 400_976,
      sha256: '5a0f948110a97d0b6197a88f7192a9ae58f47dc37bbb59d74c06a2fb1633fc13',
    },
  },
  'wikitext/wikitext-2/wiki.valid.tokens': {
    bytes: 1_121_681,
    sha256: 'f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8',
    packed: {
      ending: '.gz',
      bytes: 373_158,
      sha256: '3ac34ae2b6509075d52302c50a04a8a1970739ffe1a904f2cd374fefbea3cbf2',
    },
  },
};
