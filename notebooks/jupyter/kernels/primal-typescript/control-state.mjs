/** Places in the memory that the main thread and the control thread share. */

/** 1 while the main thread is inside a cell's part before its first `await`. */
export const BLOCKING = 0;
/** How many interrupts the main thread has dealt with. */
export const SEEN = 1;
/** How many times the control thread has broken off what blocked the main thread. */
export const BROKEN_OFF = 2;
